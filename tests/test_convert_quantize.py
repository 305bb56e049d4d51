"""K-quants and the 4 and 5-bit types: llama.cpp's quantizer for the language model, gguf's code for the projector."""

import sys

import numpy as np
import pytest
from checkpoints import Variant, noise, write_checkpoint
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize, quantize

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.describe import conversion_lines
from gguf_convert.errors import QuantizerError

WIDE = {"text_config": {"hidden_size": 256, "intermediate_size": 512, "head_dim": 64}}


def run(folder, out, **options):
    return convert(ConvertOptions(str(folder), out, **({"lm": ("f16",), "mmproj": ("f16",)} | options)))


def types(path):
    return {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(path).tensors}


def test_a_k_quant_of_rows_that_divide_has_no_fallbacks(tmp_path):
    folder = write_checkpoint(tmp_path / "wide", variant=Variant(tiny_tokenizer=True, config=WIDE))
    file = run(folder, tmp_path / "o", lm=("q4_k_m",)).files[0]
    assert file.fallbacks == ()
    assert {"Q4_K", "Q6_K", "F32"} == set(types(file.path).values())
    assert GGUFReader(file.path).fields["general.file_type"].contents() == 15


def test_rows_that_do_not_divide_fall_back_one_by_one_and_the_plan_says_why(tmp_path):
    folder = write_checkpoint(tmp_path / "narrow", variant=Variant(tiny_tokenizer=True))
    result = run(folder, tmp_path / "o", lm=("q4_k_m",))
    file = result.files[0]
    matrices = {name: kind for name, kind in types(file.path).items() if kind != "F32"}
    assert {fallback.tensor: fallback.type for fallback in file.fallbacks} == matrices
    assert {fallback.reason for fallback in file.fallbacks} == {
        f"rows of {width} values do not divide into blocks of 256" for width in (64, 96)
    }
    shown = "\n".join(conversion_lines(result))
    assert "values do not divide into blocks of 256 (" in shown
    assert "blk.*.attn_q.weight" in shown


def test_several_types_share_one_source_and_leave_no_intermediate(tmp_path):
    folder = write_checkpoint(tmp_path / "tiny", variant=Variant(tiny_tokenizer=True))
    result = run(folder, tmp_path / "o", lm=("q4_0", "q8_0", "q6_k"))
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == sorted(file.path.name for file in result.files)
    assert {file.type for file in result.files} == {"q4_0", "q8_0", "q6_k", "f16"}


def test_a_quantized_language_model_is_near_its_weights(tmp_path):
    folder = write_checkpoint(tmp_path / "wide", variant=Variant(tiny_tokenizer=True, config=WIDE))
    file = run(folder, tmp_path / "o", lm=("q6_k",)).files[0]
    found = next(tensor for tensor in GGUFReader(file.path).tensors if tensor.name == "blk.0.attn_v.weight")
    exact = noise("model.text_model.layers.0.self_attn.v_proj.weight", (128, 256))
    error = np.linalg.norm(dequantize(found.data, found.tensor_type) - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.03


@pytest.mark.parametrize("kind", ["q5_1", "q5_0", "q4_1", "q4_0"])
def test_a_projectors_matrices_are_packed_as_gguf_packs_them(tmp_path, kind):
    folder = write_checkpoint(tmp_path / "tiny", variant=Variant(tiny_tokenizer=True))
    file = run(folder, tmp_path / "o", mmproj=(kind,)).files[1]
    written = {tensor.name: tensor for tensor in GGUFReader(file.path).tensors}
    fc = quantize(
        noise("model.connector.modality_projection.proj.weight", (64, 1024)), GGMLQuantizationType[kind.upper()]
    )
    assert written["mm.model.fc.weight"].data.tobytes() == fc.tobytes()
    assert (
        written["v.patch_embd.weight"].tensor_type.name == written["v.position_embd.weight"].tensor_type.name == "F32"
    )
    assert {f.tensor: f.type for f in file.fallbacks} == {f"v.blk.{i}.ffn_down.weight": "F16" for i in (0, 1)}


def test_without_llama_cpp_the_error_names_the_types_that_need_none(tmp_path, monkeypatch):
    folder = write_checkpoint(tmp_path / "tiny", variant=Variant(tiny_tokenizer=True))
    monkeypatch.setitem(sys.modules, "llama_cpp", None)  # as where it is not installed
    with pytest.raises(QuantizerError) as caught:
        run(folder, tmp_path / "o", lm=("q4_0",))
    assert "q8_0" in caught.value.hint
    assert not (tmp_path / "o").exists()
