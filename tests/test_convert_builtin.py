"""The built-in model's GGUF pair is the one source of its weights: unpacked and packed again, it has the same bytes."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType

from gguf_convert.__main__ import parse
from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.dtypes import pack

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano.unpack import SHIPPED, unpack  # noqa: E402

FOLDER = ROOT / "examples/train_nano/smol-nano"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked") / "smol-nano"
    unpack(SHIPPED, folder)
    return folder


def test_the_shipped_pair_is_reproduced_byte_for_byte(unpacked, tmp_path):
    said = subprocess.run(
        ["make", "-n", "builtin", "CHECKPOINT="], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    [line] = re.findall(r"-m gguf_convert (.*)", said)
    words = line.replace("build/smol-nano", str(unpacked)).replace("smolcli/models/builtin", str(tmp_path))
    made = convert(parse(shlex.split(words))[0]).files
    assert {file.path.name for file in made} == {path.name for path in SHIPPED}
    for file in made:
        assert file.path.read_bytes() == (SHIPPED[0].parent / file.path.name).read_bytes(), file.path.name


def test_the_small_files_beside_the_recipe_are_those_of_the_unpacked_folder(unpacked):
    small = {path.name: path.read_bytes() for path in unpacked.iterdir() if path.suffix != ".safetensors"}
    assert small == {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in (".json", ".jinja")}


def test_numbers_of_eight_bits_stay_the_same_through_float32():
    rng = np.random.default_rng(5)
    values = rng.standard_normal((400, 320)).astype(np.float32) * 10.0 ** rng.uniform(-5, 4, (400, 1)).astype(
        np.float32
    )
    values[::7, :64] = 0
    kind = GGMLQuantizationType.Q8_0
    from gguf.quants import dequantize

    packed = pack(values, "F32", kind)
    again = pack(dequantize(packed, kind).astype(np.float32), "F32", kind)
    assert again.tobytes() == packed.tobytes()


def test_a_checkpoint_in_float32_comes_back_as_it_was(unpacked, tmp_path):
    """Every row in its place, those of the rotary heads too."""
    convert(ConvertOptions(str(unpacked), tmp_path, lm=("f32",), mmproj=("f32",), name="nano"))
    config = unpack((tmp_path / "nano-f32.gguf", tmp_path / "mmproj-nano-f32.gguf"), tmp_path / "again")
    assert config.layers == json.loads((unpacked / "config.json").read_text())["text_config"]["num_hidden_layers"]
    assert (tmp_path / "again/model.safetensors").read_bytes() == (unpacked / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("no.gguf", "no.gguf"), "no.gguf"),
        ((SHIPPED[0], SHIPPED[0]), "do not say clip."),
        ((__file__, SHIPPED[1]), "is not a GGUF file"),
        ((SHIPPED[1], SHIPPED[0]), "lacks token_embd.weight"),
    ],
)
def test_what_is_no_pair_is_said_in_a_sentence_and_leaves_nothing(tmp_path, files, said):
    line = [sys.executable, ROOT / "examples/train_nano", "unpack", tmp_path / "out", "--pair", *files]
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
