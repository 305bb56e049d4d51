"""Files that lie: absurd numbers, repeated names, overlapping tensors, keys of the wrong kind. Never a wrong file."""

import json
import struct

import pytest
from checkpoints import Variant, write_checkpoint

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.describe import inspection_lines, inspection_table
from gguf_convert.errors import ConvertError, NotACheckpointError, NotOfFamilyError
from gguf_convert.inspection import inspect
from gguf_convert.metadata import Kind, Metadata, Value
from gguf_convert.read import read_gguf
from gguf_convert.repair import RepairOptions, repair
from gguf_convert.write import write_gguf

NORM = "model.text_model.norm.weight"
OTHER = "model.text_model.layers.0.input_layernorm.weight"
LLAMA3 = {"rope_type": "llama3", "factor": 8.0}
WRONG_KINDS = (
    Value(Kind.STRING, "abc"),
    Value(Kind.ARRAY, [1, 2], Kind.INT32),
    Value(Kind.INT64, -5),
    Value(Kind.UINT32, 2**32 - 1),
    Value(Kind.FLOAT32, float("nan")),
)


def tiny(**changes):
    return Variant(tiny_tokenizer=True, **changes)


@pytest.mark.parametrize(
    "lie",
    [
        {"text_config": {"num_hidden_layers": 2 * 10**6}},
        {"vision_config": {"num_hidden_layers": 2 * 10**6}},
        {"text_config": {"head_dim": 2**30, "rope_scaling": LLAMA3}},
        {"text_config": {"rope_scaling": LLAMA3 | {"low_freq_factor": 4.0, "high_freq_factor": 4.0}}},
        {"text_config": {"rms_norm_eps": 1e-60}},
        {"image_token_id": -1},
        {"architectures": ["a\nb\x1b[2J" + "x" * 10**6]},
    ],
)
def test_absurd_numbers_and_names_in_config_json_are_exit_4_at_once(tmp_path, lie):
    with pytest.raises(NotOfFamilyError) as caught:
        convert(ConvertOptions(str(write_checkpoint(tmp_path / "f", variant=tiny(lie=lie))), tmp_path / "o"))
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 1000
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "lie",
    [
        {"size": {"longest_edge": 10**12}},
        {"size": {"longest_edge": True}},
        {"size": {"longest_edge": 5}},
        {"image_mean": [float("nan")] * 3},
        {"image_mean": [1e308] * 3},
        {"image_std": [0, 0, 0]},
    ],
)
def test_a_preprocessor_that_no_picture_survives_is_exit_4(tmp_path, lie):
    folder = write_checkpoint(tmp_path / "f", variant=tiny())
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | lie))
    with pytest.raises(NotOfFamilyError):
        convert(ConvertOptions(str(folder), tmp_path / "o"))


def change_header(folder, change):
    weights = folder / "model.safetensors"
    raw = weights.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    text = (change(header) or json.dumps(header)).encode()
    weights.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])
    return folder


def overlap(header):
    header[NORM]["data_offsets"] = header[OTHER]["data_offsets"]


def repeat(header):
    return f"{json.dumps(header)[:-1]}, {json.dumps(NORM)}: {json.dumps(header[OTHER])}}}"


@pytest.mark.parametrize("change", [overlap, repeat])
def test_bytes_or_names_that_two_tensors_share_are_exit_4(tmp_path, change):
    folder = change_header(write_checkpoint(tmp_path / "f", variant=tiny()), change)
    with pytest.raises(NotACheckpointError):
        convert(ConvertOptions(str(folder), tmp_path / "o"))


def test_integer_buffers_of_old_checkpoints_are_ignored(tmp_path):
    def add_buffer(header):
        end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        entry = {"dtype": "I64", "shape": [1], "data_offsets": [end, end + 8]}
        header["model.vision_model.embeddings.position_ids"] = entry

    folder = change_header(write_checkpoint(tmp_path / "f", variant=tiny()), add_buffer)
    with (folder / "model.safetensors").open("ab") as file:
        file.write(bytes(8))
    assert convert(ConvertOptions(str(folder), tmp_path / "o")).verified


def test_a_token_that_is_no_text_is_exit_4(tmp_path):
    folder = write_checkpoint(tmp_path / "f", variant=tiny())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"][0]["content"] = 5
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(NotACheckpointError):
        convert(ConvertOptions(str(folder), tmp_path / "o"))


@pytest.mark.parametrize("part", [0, 1])
def test_no_key_of_a_wrong_kind_or_size_breaks_inspection_or_repair(tmp_path, part):
    folder = write_checkpoint(tmp_path / "f", variant=tiny())
    pair = [file.path for file in convert(ConvertOptions(str(folder), tmp_path / "o")).files]
    original = read_gguf(pair[part])
    changed = [*pair]
    changed[part] = tmp_path / "changed.gguf"
    for key in original.metadata.values:
        for value in WRONG_KINDS:
            metadata = Metadata(original.metadata.values | {key: value})
            changed[part].unlink(missing_ok=True)
            write_gguf(changed[part], metadata, [], [])
            try:
                found = inspect(changed)
                json.dumps(inspection_table(found), allow_nan=False)
                inspection_lines(found)
                repair(RepairOptions(changed[part], tmp_path / "repaired.gguf", 2048, force=True))
            except ConvertError as error:
                assert error.message.isprintable()


def test_a_missing_epsilon_is_warned_about(tmp_path):
    metadata = Metadata()
    metadata.string("general.architecture", "clip")
    write_gguf(tmp_path / "mmproj.gguf", metadata, [], [])
    assert any("epsilon" in warning for warning in inspect([tmp_path / "mmproj.gguf"]).files[0].warnings)
