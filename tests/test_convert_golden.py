"""The converter's files against what llama.cpp's own converter writes for the same checkpoint (tests/golden/gguf)."""

import hashlib
import json
from pathlib import Path

import pytest
from gguf import GGUFReader

from gguf_convert.convert import ConvertOptions, convert

GOLDEN = Path(__file__).parent / "golden" / "gguf"
TYPES = ("f32", "f16", "bf16", "q8_0")
THEIRS_ALONE = {"general.name", "general.size_label", "general.basename", "general.finetune"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("golden")
    result = convert(ConvertOptions(str(GOLDEN / "tiny-hf"), out, lm=TYPES, mmproj=TYPES))
    return {(file.part, file.type): GGUFReader(file.path) for file in result.files}


def golden(part, kind):
    name = "model" if part == "lm" else "mmproj"
    return json.loads((GOLDEN / f"{name}-{kind}.json").read_text())


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("part", ["lm", "mmproj"])
def test_every_tensor_has_llama_cpps_bytes(written, part, kind):
    found = {tensor.name: tensor for tensor in written[part, kind].tensors}
    listed = golden(part, kind)["tensors"]
    assert set(found) == {tensor["name"] for tensor in listed}
    for want in listed:
        have = found[want["name"]]
        assert have.tensor_type.name == want["type"], want["name"]
        assert [int(n) for n in have.shape] == want["shape"], want["name"]
        assert hashlib.sha256(have.data.tobytes()).hexdigest() == want["sha256"], want["name"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("part", ["lm", "mmproj"])
def test_every_metadata_key_has_llama_cpps_value_and_order(written, part, kind):
    reader, listed = written[part, kind], golden(part, kind)["metadata"]
    keys = [key for key in reader.fields if not key.startswith("GGUF.")]
    assert [key for key in keys if not key.startswith("gguf_convert.")] == list(listed)
    for key, want in listed.items():
        field = reader.fields[key]
        assert [kind.name for kind in field.types] == want["type"], key
        value = field.contents()
        if "json_sha256" in want:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            assert len(value) == want["count"]
            assert hashlib.sha256(text.encode()).hexdigest() == want["json_sha256"], key
        elif key not in THEIRS_ALONE:
            assert value == want["value"], key


def test_both_files_carry_the_source_and_one_pair_id(written):
    weights = hashlib.sha256((GOLDEN / "tiny-hf" / "model.safetensors").read_bytes()).hexdigest()
    pairs = {reader.fields["gguf_convert.pair_id"].contents() for reader in written.values()}
    sources = {reader.fields["gguf_convert.source.sha256"].contents() for reader in written.values()}
    assert len(pairs) == 1
    assert sources == {weights}
