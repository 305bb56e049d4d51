"""A repaired projector differs from the original in what was asked for, and in nothing else."""

import hashlib

import numpy as np
import pytest
from checkpoints import GOLDEN, Variant, write_checkpoint
from gguf import GGUFReader

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.errors import CannotWriteError, NotOfFamilyError, OptionError
from gguf_convert.metadata import Metadata
from gguf_convert.read import read_gguf
from gguf_convert.repair import RepairOptions, repair
from gguf_convert.write import write_gguf

KEY = "clip.vision.preproc_image_size"


@pytest.fixture
def files(tmp_path):
    """A pair of every type, the F16 projector without its key, as they were published in April 2025."""
    types = ("f32", "f16", "bf16", "q8_0")
    made = convert(ConvertOptions(str(GOLDEN / "gguf" / "tiny-hf"), tmp_path / "m", name="m", mmproj=types)).files
    paths = {file.type: file.path for file in made if file.part == "mmproj"} | {"lm": made[0].path}
    file, raw = read_gguf(paths["f16"]), paths["f16"].read_bytes()
    metadata = Metadata({name: value for name, value in file.metadata.values.items() if name != KEY})
    blocks = [[np.frombuffer(raw, np.uint8, t.bytes, file.offsets[t.name])] for t in file.tensors]
    paths["old"] = tmp_path / "mmproj-old.gguf"
    write_gguf(paths["old"], metadata, list(file.tensors), blocks)
    return paths


def tensors(path):
    return {tensor.name: (tensor.tensor_type.name, tensor.data.tobytes()) for tensor in GGUFReader(path).tensors}


def keys(path):
    return {key: field.contents() for key, field in GGUFReader(path).fields.items() if not key.startswith("GGUF.")}


def test_the_missing_key_is_added_and_every_tensor_is_copied_verbatim(files):
    result = repair(RepairOptions(files["old"], longest_edge_px=2048))
    assert result.path == files["old"].with_name("mmproj-old.repaired.gguf")
    assert (result.key_before, result.key_after) == (None, 2048)
    assert tensors(result.path) == tensors(files["old"])
    assert keys(result.path) == keys(files["old"]) | {KEY: 2048}
    assert hashlib.sha256(result.path.read_bytes()).hexdigest() == result.sha256
    assert KEY not in keys(files["old"])


def test_bf16_of_a_float32_file_is_what_the_converter_writes(files):
    result = repair(RepairOptions(files["f32"], files["f32"].with_name("o.gguf"), outtype="bf16"))
    assert result.path.read_bytes() == files["bf16"].read_bytes()
    assert (result.change.changed, result.change.relative_error) == (0, 0.0)
    assert result.change.values == sum(
        np.prod(tensor.shape) for tensor in read_gguf(files["bf16"]).tensors if tensor.type.name == "BF16"
    )


def test_q8_0_of_a_float32_file_is_what_the_converter_writes_and_its_error_is_told(files):
    result = repair(RepairOptions(files["f32"], files["f32"].with_name("o.gguf"), outtype="q8_0"))
    assert result.path.read_bytes() == files["q8_0"].read_bytes()
    assert result.change.changed > 0
    assert 1e-4 < result.change.relative_error < 2e-2
    assert result.retyped == {"F16": 2, "Q8_0": 12 - 1}


def test_values_that_bf16_cannot_hold_are_counted(tmp_path):
    poison = (("model.connector.modality_projection.proj.weight", 1.0009765625),)  # needs 11 bits
    variant = Variant(tiny_tokenizer=True, dtype="F16", poison=poison)
    made = convert(
        ConvertOptions(str(write_checkpoint(tmp_path / "f", variant=variant)), tmp_path / "o", mmproj=("f16",))
    )
    change = repair(RepairOptions(made.files[1].path, outtype="bf16")).change
    assert change.changed == 1
    assert change.largest == pytest.approx(0.0009765625)


def test_a_quantized_file_is_not_re_typed(files):
    with pytest.raises(NotOfFamilyError, match="Q8_0"):
        repair(RepairOptions(files["q8_0"], outtype="bf16"))


def test_a_language_model_is_refused(files):
    with pytest.raises(NotOfFamilyError):
        repair(RepairOptions(files["lm"], longest_edge_px=2048))


@pytest.mark.parametrize("wish", [{}, {"longest_edge_px": 5}, {"longest_edge_px": 10**6}, {"outtype": "q4_k_m"}])
def test_wishes_that_make_no_sense_are_exit_2(files, wish):
    with pytest.raises(OptionError):
        repair(RepairOptions(files["old"], **wish))


def test_an_existing_copy_is_kept_without_force(files):
    options = {"longest_edge_px": 2048}
    repair(RepairOptions(files["old"], **options))
    with pytest.raises(CannotWriteError):
        repair(RepairOptions(files["old"], **options))
    repair(RepairOptions(files["old"], force=True, **options))


def test_a_file_cut_off_in_its_data_is_refused_before_a_copy_appears(files, tmp_path):
    cut = tmp_path / "mmproj-cut.gguf"
    cut.write_bytes(files["old"].read_bytes()[:-5000])
    with pytest.raises(Exception, match="cut off"):
        repair(RepairOptions(cut, longest_edge_px=2048))
    assert not list(tmp_path.glob("*repaired*"))
