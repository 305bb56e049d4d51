"""The one reader of GGUF headers under both packages, and the one set of names in them."""

import ast
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from checkpoints import Variant, write_checkpoint
from gguf_damage import Parts, damaged, text
from models import nano_pair

from gguf_convert import names
from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.errors import ConvertError, NotACheckpointError
from gguf_convert.header import MAX_HEADER, MAX_ITEMS, MAX_TEXT, USUAL_TYPES, architecture, read_header
from gguf_convert.read import read_gguf
from gguf_convert.write import header
from smolcli.engine.metadata import GGUFFile
from smolcli.errors import ModelError
from smolcli.models import builtin

ROOT = Path(__file__).resolve().parents[1]
UINT8, UINT32, STRING, ARRAY, UINT64 = 0, 4, 8, 9, 10
OWN_KEYS = {value for key, value in vars(names.Own).items() if key.isupper()}
# Keys that mtmd's loader knows (clip-impl.h) and gguf's Python package does not.
ONLY_IN_CLIP = {
    names.Clip.HAS_GEN_AUDIO_ENCODER,
    names.Clip.MINICPMV_VERSION,
    names.Clip.MINICPMV_QUERY_NUM,
    names.Clip.PATCH_MERGE_TYPE,
    names.Clip.GRID_PINPOINTS,
    names.Clip.FEATURE_LAYER,
}


def add(kind, raw, name=b"extra"):
    def change(parts):
        parts.keys.append((name, kind, raw))

    return change


def texts(values):
    return struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values))


def key_twice(parts):
    parts.keys.append(parts.keys[1])


def tensor_twice(parts):
    parts.tensors[1][0] = parts.tensors[0][0]


def same_place(parts):
    parts.tensors[2][3] = parts.tensors[1][3]


def overlap_by_one_block(parts):
    parts.tensors[2][3] -= 32


def odd_offset(parts):
    parts.tensors[1][3] += 1


def beyond_the_end(parts):
    parts.tensors[1][3] = 1 << 40


def offset_that_wraps_round(parts):
    parts.tensors[1][3] = (1 << 64) - 32


def long_name(parts):
    parts.tensors[1][0] = b"n" * 64


LIES = {
    "a key twice": (key_twice, "is there twice"),
    "a tensor twice": (tensor_twice, "is there twice"),
    "two tensors in one place": (same_place, "share bytes"),
    "a tensor that begins in another": (overlap_by_one_block, "share bytes"),
    "an odd offset": (odd_offset, "odd offset"),
    "a tensor beyond the end": (beyond_the_end, "ends at"),
    "an offset that wraps round": (offset_that_wraps_round, "ends at"),
    "a name longer than ggml's": (long_name, "dimensions"),
    "an alignment of three": (add(UINT32, struct.pack("<I", 3), b"general.alignment"), "alignment is 3"),
    "an alignment of nought": (add(UINT32, bytes(4), b"general.alignment"), "alignment is 0"),
    "an alignment that is text": (add(STRING, text(b"32"), b"general.alignment"), "alignment is '32'"),
    "a huge alignment": (add(UINT32, struct.pack("<I", 1 << 31), b"general.alignment"), "alignment is"),
    "a zero byte": (add(STRING, text(b"a\0b")), "zero byte"),
    "bytes that are no text": (add(STRING, text(b"\xff\xfe")), "not UTF-8"),
    "half a surrogate pair": (add(STRING, text(b"\xed\xa0\x80")), "not UTF-8"),
    "a name of a key that is no text": (add(UINT8, b"\0", b"\xff"), "not UTF-8"),
    "an unknown type": (add(13, b"\0"), "unknown type 13"),
    "arrays of arrays": (add(ARRAY, struct.pack("<IQ", ARRAY, 1)), "of type ARRAY"),
    "an array of too many": (add(ARRAY, struct.pack("<IQ", UINT8, MAX_ITEMS + 1)), "claims"),
    "an array longer than the file": (add(ARRAY, struct.pack("<IQ", UINT64, MAX_ITEMS)), "promises more"),
    "a text longer than any": (add(STRING, struct.pack("<Q", MAX_TEXT + 1)), "a text claims"),
    "a text longer than the file": (add(STRING, struct.pack("<Q", MAX_TEXT)), "promises more"),
}


@pytest.fixture(scope="module")
def sound():
    return nano_pair().projector.read_bytes()


def refused(path):
    """The same words from the engine and from the converter, each in its own error."""
    with pytest.raises(NotACheckpointError) as converter:
        read_gguf(path)
    with pytest.raises(ModelError) as engine:
        GGUFFile(path)
    assert converter.value.message.isprintable() and converter.value.hint and engine.value.hint
    ends = [error.value.message.partition(": ")[2] for error in (converter, engine)]
    assert ends[0] == ends[1]
    return converter.value.message


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused_by_engine_and_converter_alike(tmp_path, sound, lie):
    change, says = LIES[lie]
    parts = Parts(sound)
    change(parts)
    path = tmp_path / "lie.gguf"
    path.write_bytes(parts.bytes())
    assert says in refused(path)


def test_any_damage_is_refused_or_read_by_engine_and_converter_alike(tmp_path, sound):
    verdicts = set()
    for seed in range(300):
        pair, _ = damaged((sound, sound), seed)
        path = tmp_path / "damaged.gguf"
        path.write_bytes(next((data for data in pair if data != sound), sound))
        said = []
        for read, error in ((read_gguf, ConvertError), (GGUFFile, ModelError)):
            try:
                read(path)
                said.append("")
            except error as caught:
                said.append(caught.message.rpartition(": ")[2])
        assert bool(said[0]) == bool(said[1]), (seed, said)
        verdicts.add(bool(said[0]))
    assert verdicts == {True, False}


def test_a_header_that_would_fill_the_memory_is_refused_before_it_does(tmp_path):
    """Arrays that are each allowed, together more than any real header; the file is sparse."""
    whole = struct.pack("<IQ", UINT64, MAX_ITEMS)
    path = tmp_path / "bomb.gguf"
    count = MAX_HEADER // (8 * MAX_ITEMS) + 1
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, count))
        for number in range(count):
            file.write(text(b"%d" % number) + struct.pack("<I", ARRAY) + whole)
            file.seek(8 * MAX_ITEMS, os.SEEK_CUR)
        file.truncate()
    assert "claims more than" in refused(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system's folders")
def test_a_pipe_is_a_sentence_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "a device or a pipe" in refused(tmp_path / "pipe.gguf")


@pytest.mark.parametrize(("name", "says"), [(".", "is a folder"), ("none.gguf", "does not exist")])
def test_folders_and_missing_files_are_named(tmp_path, name, says):
    assert says in refused(tmp_path / name)


def test_the_architecture_is_read_without_the_rest(tmp_path, sound):
    path = tmp_path / "half.gguf"
    path.write_bytes(sound[:200])
    assert architecture(path) == "clip"
    with pytest.raises(NotACheckpointError):
        read_header(path)


def test_what_is_read_can_be_written_again_bit_for_bit():
    for path in (nano_pair().language, nano_pair().projector, builtin().language):
        file = read_gguf(path)
        again = header(file.metadata, list(file.tensors))
        assert path.read_bytes()[: len(again)] == again


def test_the_reader_itself_loads_neither_numpy_nor_gguf():
    code = (
        "import sys, gguf_convert.header, gguf_convert.names; print([n for n in ('numpy', 'gguf') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_no_utf_8_converts_to_files_that_open(tmp_path):
    folder = write_checkpoint(tmp_path / "f", variant=Variant(tiny_tokenizer=True))
    files = convert(ConvertOptions(str(folder), tmp_path / "o", name="a\udcff")).files
    for file in files:
        assert GGUFFile(file.path).get(names.General.NAME) == "a?"


@pytest.mark.parametrize("content", ["a\0b", "\ud800"])
def test_a_token_that_no_file_can_hold_is_refused_before_anything_is_written(tmp_path, content):
    folder = write_checkpoint(tmp_path / "f", variant=Variant(tiny_tokenizer=True))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["added_tokens"][0]["content"] = content
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(NotACheckpointError, match="tokenizer"):
        convert(ConvertOptions(str(folder), tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def constants(group):
    return {value for key, value in vars(group).items() if key.isupper() and isinstance(value, str)}


def test_every_key_is_spelt_as_ggufs_own_package_spells_it():
    known = set()

    def gather(group, arch):
        for value in vars(group).values():
            if isinstance(value, str):
                known.add(value.replace("{arch}", arch))
            elif isinstance(value, type):
                gather(value, arch)

    gather(gguf.Keys, "llama")
    groups = (names.General, names.Split, names.Own, names.Tokenizer, names.Llama, names.Clip)
    ours = {key for group in groups for key in constants(group) if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", key)}
    assert len(ours) > 50
    assert ours - known == OWN_KEYS | ONLY_IN_CLIP
    assert names.Tokenizer.special_id("bos") in known


def test_every_tensor_is_spelt_as_ggufs_own_package_spells_it():
    known = {name.replace("{bid}", "{}") for name in gguf.TENSOR_NAMES.values()}
    assert constants(names.LanguageTensors) | constants(names.VisionTensors) <= known


def test_no_other_file_spells_a_key_or_a_tensor():
    groups = (names.General, names.Split, names.Own, names.Tokenizer, names.Llama, names.Clip)
    ours = {name for group in groups for name in constants(group) if "." in name}
    ours |= constants(names.VisionTensors) | constants(names.LanguageTensors)
    for file in [*ROOT.glob("gguf_convert/*.py"), *ROOT.glob("smolcli/**/*.py")]:
        spelt = {n.value for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant)}
        found = {value for value in spelt if isinstance(value, str) and value.removesuffix(".weight") in ours}
        assert file.name == "names.py" or not found, (file, found)


def test_the_types_that_are_read_without_the_gguf_package_are_as_it_says():
    for number, (name, values, size) in USUAL_TYPES.items():
        kind = gguf.GGMLQuantizationType(number)
        assert (kind.name, *gguf.GGML_QUANT_SIZES[kind]) == (name, values, size)


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q6_K"])
def test_rows_of_a_matrix_are_what_the_gguf_package_makes_of_them(tmp_path, name):
    kind, width, random = gguf.GGMLQuantizationType[name], 256, np.random.default_rng(7)
    block, size = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (9, width // block * size), dtype=np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_tensor("token_embd.weight", data, raw_dtype=kind)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    with np.errstate(all="ignore"):
        rows = GGUFFile(tmp_path / "a.gguf").rows("token_embd.weight", np.array([8, 0, 3, 3], np.int32))
        expected = gguf.quants.dequantize(data[[8, 0, 3, 3]], kind).astype(np.float32)
    assert rows.dtype == np.float32 and rows.shape == (4, width)
    assert rows.tobytes() == expected.tobytes()  # those that are no numbers too
