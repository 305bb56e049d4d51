"""Whatever is wrong with a checkpoint is one sentence with an exit code, and leaves nothing behind."""

import json
import math
import struct

import pytest
from checkpoints import Variant, write_checkpoint

from gguf_convert.__main__ import main
from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.errors import CannotWriteError, ConvertError, NotACheckpointError, NotOfFamilyError, OptionError

NORM = "model.text_model.norm.weight"


def tiny(**changes):
    return Variant(tiny_tokenizer=True, **changes)


def refusal(folder, out, **options):
    """The error of a conversion, after checking that it left nothing."""
    out.mkdir(exist_ok=True)
    before = sorted(path.name for path in out.rglob("*"))
    with pytest.raises(ConvertError) as caught:
        convert(ConvertOptions(str(folder), out, **options))
    assert sorted(path.name for path in out.rglob("*")) == before
    error = caught.value
    assert "\n" not in error.message
    assert error.message.endswith((".", ":")) or ":" in error.message
    return error


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "tiny", variant=tiny())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        (tiny(drop=(NORM,)), "text_model.norm.weight"),
        (tiny(add=(("model.text_model.layers.0.self_attn.q_proj.bias", (64,)),)), "q_proj.bias"),
        (tiny(lie={"text_config": {"intermediate_size": 128}}), "config.json says"),
        (tiny(lie={"architectures": ["LlavaForConditionalGeneration"]}), "Idefics3ForConditionalGeneration"),
        (tiny(lie={"architectures": None, "model_type": "llava"}), "SmolVLMForConditionalGeneration"),
        (tiny(lie={"text_config": {"model_type": "qwen2"}}), "qwen2"),
        (tiny(lie={"vision_config": {"hidden_act": "quick_gelu"}}), "quick_gelu"),
        (tiny(lie={"text_config": {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}}), "yarn"),
        (tiny(lie={"text_config": {"num_hidden_layers": "two"}}), "num_hidden_layers"),
        (tiny(lie={"text_config": {"num_hidden_layers": -1}}), "num_hidden_layers"),
        (tiny(lie={"vision_config": None}), "vision_config"),
        (tiny(lie={"vision_config": {"num_attention_heads": 7}}), "attention heads"),
        (tiny(lie={"text_config": {"num_key_value_heads": 3}}), "attention heads"),
        (tiny(lie={"image_token_id": 289}), "image_token_id"),
        (tiny(lie={"quantization_config": {"quant_method": "bitsandbytes"}}), "bitsandbytes"),
        (tiny(add=(("model.text_model.layers.0.self_attn.q_proj.lora_A.weight", (4, 64)),)), "LoRA"),
    ],
)
def test_a_model_that_is_not_whole_or_not_of_the_family_is_exit_4(tmp_path, out, variant, said):
    error = refusal(write_checkpoint(tmp_path / "bad", variant=variant), out)
    assert isinstance(error, NotOfFamilyError)
    assert error.exit_code == 4
    assert said in error.message


def test_a_lora_adapter_is_told_to_merge_first(tmp_path, out):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    error = refusal(folder, out)
    assert error.exit_code == 4
    assert "merge_and_unload" in error.hint


def cut(folder, count):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:count])


def overwrite(folder, header=None, length=None):
    weights = folder / "model.safetensors"
    raw = weights.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    text = raw[8 : 8 + size] if header is None else header
    weights.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + raw[8 + size :])


def rewrite_entry(folder, **changes):
    raw = (folder / "model.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    header[NORM] |= changes
    overwrite(folder, json.dumps(header).encode())


DAMAGE = {
    "the last tensor is cut off": lambda f: cut(f, (f / "model.safetensors").stat().st_size - 100),
    "the header is cut off": lambda f: cut(f, 100),
    "four bytes": lambda f: cut(f, 4),
    "empty": lambda f: cut(f, 0),
    "header length of 2^63": lambda f: overwrite(f, length=2**63),
    "header longer than the file": lambda f: overwrite(f, length=10**7),
    "header shorter than it is": lambda f: overwrite(f, length=50),
    "header is a list": lambda f: overwrite(f, b"[1, 2]"),
    "header is not text": lambda f: overwrite(f, b"\xff\xfe" * 40),
    "deeply nested header": lambda f: overwrite(f, b"[" * 100_000),
    "negative offset": lambda f: rewrite_entry(f, data_offsets=[-4, 124]),
    "offsets beyond the file": lambda f: rewrite_entry(f, data_offsets=[10**12, 10**12 + 128]),
    "shape and offsets disagree": lambda f: rewrite_entry(f, shape=[63]),
    "shape of strings": lambda f: rewrite_entry(f, shape=["64"]),
    "offsets missing": lambda f: rewrite_entry(f, data_offsets=None),
    "a Git LFS pointer": lambda f: (f / "model.safetensors").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\n"
    ),
    "no weights": lambda f: (f / "model.safetensors").unlink(),
    "no config.json": lambda f: (f / "config.json").unlink(),
    "config.json cut off": lambda f: (f / "config.json").write_text('{"architectures": ['),
    "config.json is a list": lambda f: (f / "config.json").write_text("[]"),
    "no tokenizer.json": lambda f: (f / "tokenizer.json").unlink(),
    "tokenizer.json without a model": lambda f: (f / "tokenizer.json").write_text("{}"),
    "tokenizer.json with a vocabulary of lists": lambda f: (f / "tokenizer.json").write_text(
        '{"model": {"type": "BPE", "vocab": [[1]], "merges": []}}'
    ),
    "tokenizer_config.json is not JSON": lambda f: (f / "tokenizer_config.json").write_text("{'"),
    "only pickles": lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_cannot_be_read_as_a_checkpoint_is_exit_4(folder, out, damage):
    damage(folder)
    error = refusal(folder, out)
    assert isinstance(error, NotACheckpointError)
    assert error.exit_code == 4
    assert error.hint


def test_a_dtype_of_another_kind_is_named(folder, out):
    rewrite_entry(folder, dtype="F8_E4M3")
    error = refusal(folder, out)
    assert (error.exit_code, "F8_E4M3" in error.message) == (4, True)


def test_a_missing_shard_is_named(tmp_path, out):
    folder = write_checkpoint(tmp_path / "s", variant=tiny(shards=2))
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002" in refusal(folder, out).message


def test_an_index_that_leads_out_of_the_folder_is_refused(folder, out):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../etc/passwd"}}')
    assert refusal(folder, out).exit_code == 4


def test_a_tensor_stored_twice_is_refused(tmp_path, out):
    folder = write_checkpoint(tmp_path / "d", variant=tiny(add=((NORM.removeprefix("model."), (64,)),)))
    assert "twice" in refusal(folder, out).message


@pytest.mark.parametrize("named", ["no/such/folder", "nowhere", "/dev/null", "x" * 5000, "~nobody-here/x"])
def test_a_source_that_is_not_there_is_exit_4(out, named, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert refusal(named, out).exit_code == 4


def test_a_hub_id_says_how_to_download_it(out):
    error = refusal("HuggingFaceTB/SmolVLM-256M-Instruct", out)
    assert error.exit_code == 4
    assert "hf download HuggingFaceTB/SmolVLM-256M-Instruct" in error.hint


@pytest.mark.parametrize(
    "options", [{"lm": ("q9",)}, {"lm": ()}, {"mmproj": ()}, {"mmproj": ("q4_k_m",)}, {"name": "a/b"}, {"name": ".."}]
)
def test_options_that_make_no_sense_are_exit_2(folder, out, options):
    assert isinstance(refusal(folder, out, **options), OptionError)


def test_weights_that_are_not_numbers_are_counted_and_converted(tmp_path, out):
    poison = ((NORM, math.nan), ("lm_head.weight", math.inf))
    result = convert(
        ConvertOptions(str(write_checkpoint(tmp_path / "n", variant=tiny(poison=poison))), out, lm=("bf16", "f32"))
    )
    assert any(warning.startswith("2 weights are NaN or infinite") and NORM in warning for warning in result.warnings)


def test_weights_too_large_for_f16_are_counted(tmp_path, out):
    poison = (("lm_head.weight", 1e30),)
    folder = write_checkpoint(tmp_path / "n", variant=tiny(poison=poison))
    result = convert(ConvertOptions(str(folder), out, lm=("f16",), mmproj=("bf16",)))
    assert any("1 weights are too large for F16" in warning for warning in result.warnings)
    assert not convert(ConvertOptions(str(folder), out, lm=("bf16",), mmproj=("bf16",), force=True)).warnings


def test_an_existing_file_is_kept_without_force_and_replaced_with_it(folder, out):
    options = {"lm": ("f16",), "mmproj": ("f16",)}
    first = convert(ConvertOptions(str(folder), out, **options)).files[0]
    first.path.write_bytes(b"mine")
    error = refusal(folder, out, **options)
    assert isinstance(error, CannotWriteError)
    assert (error.exit_code, first.path.read_bytes()) == (6, b"mine")
    convert(ConvertOptions(str(folder), out, force=True, **options))
    assert first.path.stat().st_size == first.bytes


@pytest.mark.parametrize("place", ["file/out", "/proc/out"])
def test_a_target_that_cannot_be_written_is_exit_6(folder, tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError) as caught:
        convert(ConvertOptions(str(folder), tmp_path / place))
    assert caught.value.exit_code == 6


def test_the_command_prints_one_error_and_no_traceback(folder, out, capsys):
    (folder / "config.json").unlink()
    assert main([str(folder), "-o", str(out)]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err
    assert not out.exists()
