"""Every member of the family, in every layout that it is saved in, converts to what its configuration says."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from checkpoints import FAMILY, GOLDEN, PUBLISHED, Variant, noise, tiny_tokenizer, write_checkpoint
from gguf import GGUFReader, TokenType

from gguf_convert.config import read_config
from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.errors import NotOfFamilyError
from gguf_convert.vocab import pre_tokenizer_name

SMALL = Variant(tiny_tokenizer=True)
TEXT = ("hidden", "ffn", "layers", "heads", "kv_heads", "head_dim")
VISION = ("hidden", "ffn", "layers", "heads")
EFFECTIVE = {  # text; rope theta, context; vocabulary, image token, scale; vision; image, patch (smolvlm.md §1)
    "256M": ((576, 1536, 30, 9, 3, 64), (100000, 8192), (49280, 49190, 4), (768, 3072, 12, 12), (512, 16)),
    "500M": ((960, 2560, 32, 15, 5, 64), (100000, 8192), (49280, 49190, 4), (768, 3072, 12, 12), (512, 16)),
    "2.2B": ((2048, 8192, 24, 32, 32, 64), (130000, 8192), (49280, 49190, 3), (1152, 4304, 27, 16), (384, 14)),
    "v1": ((2048, 8192, 24, 32, 32, 64), (273768, 16384), (49155, 49153, 3), (1152, 4304, 27, 16), (384, 14)),
}
SIZE_OF = {
    "SmolVLM-500M-Instruct": "500M",
    "SmolVLM2-500M-Video-Instruct": "500M",
    "SmolVLM2-2.2B-Instruct": "2.2B",
    "SmolVLM-Instruct": "v1",
}


def keys(path):
    fields = GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if not key.startswith("GGUF.")}


def tensors(path):
    return {t.name: (t.tensor_type.name, tuple(t.shape), t.data.tobytes()) for t in GGUFReader(path).tensors}


def fingerprint(path):
    """SHA-256 of all tensors (name, type, shape, bytes), and of all keys that llama.cpp's converter also writes."""
    found = sorted(
        (name, kind, [int(n) for n in shape], sha256(data).hexdigest())
        for name, (kind, shape, data) in tensors(path).items()
    )
    ours = {"general.name", "general.basename", "general.finetune", "general.size_label"}
    theirs = {
        key: value for key, value in keys(path).items() if key not in ours and not key.startswith("gguf_convert.")
    }
    return {
        "tensors": sha256(json.dumps(found).encode()).hexdigest(),
        "keys": sha256(json.dumps(theirs, sort_keys=True).encode()).hexdigest(),
    }


def run(folder, out, **options):
    options = {"lm": ("f32",), "mmproj": ("f32",), "name": "m"} | options
    return convert(ConvertOptions(str(folder), out, **options))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_config_resolves_to_its_effective_values(name):
    config = read_config(json.loads((GOLDEN / "configs" / f"{name}.config.json").read_text()), {})
    text, rope, ids, vision, tile = EFFECTIVE[SIZE_OF.get(name, "256M")]
    assert tuple(getattr(config.text, field) for field in TEXT) == text
    assert (config.text.rope_theta, config.text.context) == rope
    assert (config.text.vocab, config.image_token_id, config.vision.scale_factor) == ids
    assert tuple(getattr(config.vision, field) for field in VISION) == vision
    assert (config.vision.image_px, config.vision.patch_px) == tile
    assert (config.text.rms_eps, config.vision.eps) == (1e-5, 1e-6)


@pytest.mark.parametrize("member", FAMILY)
def test_every_member_converts_and_verifies(tmp_path, member):
    folder = write_checkpoint(tmp_path / member, member)
    result = run(folder, tmp_path / "out", lm=("q8_0",), mmproj=("f16",))
    assert result.verified
    lm, mmproj = (keys(file.path) for file in result.files)
    config = json.loads((folder / "config.json").read_text())
    assert lm["llama.vocab_size"] == config["text_config"]["vocab_size"] == len(lm["tokenizer.ggml.tokens"])
    assert lm["tokenizer.ggml.tokens"][config["image_token_id"]] == "<image>"
    assert mmproj["clip.vision.projection_dim"] == lm["llama.embedding_length"] == 64
    assert mmproj["clip.vision.preproc_image_size"] == 4 * config["vision_config"]["image_size"]
    assert mmproj["clip.vision.attention.layer_norm_epsilon"] == pytest.approx(1e-6)
    assert mmproj["clip.vision.projector.scale_factor"] == config["scale_factor"]
    assert lm["gguf_convert.pair_id"] == mmproj["gguf_convert.pair_id"] == result.pair_id


@pytest.mark.parametrize("member", FAMILY)
def test_every_members_files_are_llama_cpps_bit_for_bit(tmp_path, member):
    """tests/golden/gguf/family.json: made once with llama.cpp's own converter, torch and transformers."""
    golden = json.loads((GOLDEN / "gguf" / "family.json").read_text())["members"][member]
    folder = write_checkpoint(tmp_path / member, member)
    if member == "granite-docling-258M":  # their converter refuses the token beyond the vocabulary
        drop_last_token(folder)
    files = run(folder, tmp_path / "out", lm=("q8_0",), mmproj=("q8_0",)).files
    assert {file.part: fingerprint(file.path) for file in files if file.part in golden} == golden


def drop_last_token(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].pop()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize("prefix", ["", "model.model."])
def test_the_model_prefix_may_be_missing_or_doubled(tmp_path, prefix):
    plain = run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "oa")
    other = write_checkpoint(tmp_path / "b", variant=Variant(tiny_tokenizer=True, prefix=prefix))
    for a, b in zip(plain.files, run(other, tmp_path / "ob").files, strict=True):
        assert tensors(a.path) == tensors(b.path)


@pytest.mark.parametrize("dtype", ["F32", "F16"])
def test_stored_precision_does_not_change_values_that_it_holds(tmp_path, dtype):
    plain = run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "oa", lm=("q8_0",))
    other = write_checkpoint(tmp_path / "b", variant=Variant(tiny_tokenizer=True, dtype=dtype))
    for a, b in zip(plain.files, run(other, tmp_path / "ob", lm=("q8_0",)).files, strict=True):
        assert tensors(a.path) == tensors(b.path)


def test_shards_make_the_same_tensors_as_one_file(tmp_path):
    plain = run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "oa")
    shards = write_checkpoint(tmp_path / "b", variant=Variant(tiny_tokenizer=True, shards=3))
    result = run(shards, tmp_path / "ob")
    for a, b in zip(plain.files, result.files, strict=True):
        assert tensors(a.path) == tensors(b.path)
    assert len(keys(result.files[0].path)["gguf_convert.source.sha256"].split(",")) == 3


def test_the_head_is_written_when_it_is_stored_and_only_then(tmp_path):
    untied = run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "oa")
    tied = run(write_checkpoint(tmp_path / "b", variant=Variant(tiny_tokenizer=True, tied=True)), tmp_path / "ob")
    assert "output.weight" in tensors(untied.files[0].path)
    assert "output.weight" not in tensors(tied.files[0].path)
    assert any("lm_head" in warning for warning in tied.warnings)


def test_query_and_key_rows_are_reordered_per_head_and_nothing_else(tmp_path):
    files = run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "o").files
    written = {t.name: np.asarray(t.data) for t in GGUFReader(files[0].path).tensors}
    layer = "model.text_model.layers.1.self_attn."
    for ours, theirs, heads, rows in (("q", "q", 4, 64), ("k", "k", 2, 32)):
        stored = noise(f"{layer}{theirs}_proj.weight", (rows, 64))
        half = rows // heads // 2
        order = [head * 2 * half + part * half + i for head in range(heads) for i in range(half) for part in (0, 1)]
        assert np.array_equal(written[f"blk.1.attn_{ours}.weight"], stored[order])
    assert np.array_equal(written["blk.1.attn_v.weight"], noise(f"{layer}v_proj.weight", (32, 64)))


def test_granite_docling_drops_the_token_beyond_its_vocabulary_and_says_so(tmp_path):
    result = run(write_checkpoint(tmp_path / "g", "granite-docling-258M"), tmp_path / "o")
    lm = keys(result.files[0].path)
    assert lm["tokenizer.ggml.pre"] == "granite-docling"
    assert "<end_of_utterance>" not in lm["tokenizer.ggml.tokens"]
    assert any("<end_of_utterance>" in warning for warning in result.warnings)
    assert "output.weight" not in tensors(result.files[0].path)


def test_idefics3_8b_gets_llama_3s_pre_tokenizer_bos_and_rope_factors(tmp_path):
    lm_path = run(write_checkpoint(tmp_path / "i", "Idefics3-8B-Llama3"), tmp_path / "o").files[0].path
    lm = keys(lm_path)
    assert (lm["tokenizer.ggml.pre"], lm["tokenizer.ggml.add_bos_token"]) == ("llama-bpe", True)
    factors = next(t.data for t in GGUFReader(lm_path).tensors if t.name == "rope_freqs.weight")
    assert factors[0] == 1
    assert factors[-1] == 8
    assert np.all(np.diff(factors) >= 0)


def test_unused_ids_and_added_tokens_get_their_types(tmp_path):
    lm = keys(run(write_checkpoint(tmp_path / "a", variant=SMALL), tmp_path / "o").files[0].path)
    types, tokens = lm["tokenizer.ggml.token_type"], lm["tokenizer.ggml.tokens"]
    assert (tokens[289], types[289]) == ("[PAD289]", TokenType.UNUSED)
    assert (tokens[288], types[288]) == ("<image>", TokenType.CONTROL)
    assert types[0] == TokenType.NORMAL


def test_an_unknown_pre_tokenizer_is_an_error():
    with pytest.raises(NotOfFamilyError, match="smollm"):
        pre_tokenizer_name(tiny_tokenizer({"type": "Whitespace"}, {261: "<image>"}))
    with pytest.raises(NotOfFamilyError):
        pre_tokenizer_name(tiny_tokenizer({"type": "Sequence", "pretokenizers": []}, {261: "<image>"}))


def test_a_preprocessor_without_a_size_takes_four_tiles_and_warns(tmp_path):
    folder = write_checkpoint(tmp_path / "a", variant=SMALL)
    (folder / "preprocessor_config.json").unlink()
    result = run(folder, tmp_path / "o")
    assert keys(result.files[1].path)["clip.vision.preproc_image_size"] == 4 * 32
    assert any("longest_edge" in warning for warning in result.warnings)


def test_transformers_5_nests_rope_theta_and_the_converter_finds_it(tmp_path):
    config = {"text_config": {"rope_theta": None, "rope_parameters": {"rope_theta": 4321.0, "rope_type": "default"}}}
    folder = write_checkpoint(tmp_path / "a", variant=Variant(tiny_tokenizer=True, config=config))
    assert keys(run(folder, tmp_path / "o").files[0].path)["llama.rope.freq_base"] == 4321.0


def test_a_hub_cache_folder_gives_its_name_and_revision(tmp_path):
    commit = "7e3e67edbbed1bf9888184d9df282b700a323964"
    folder = tmp_path / "models--HuggingFaceTB--SmolVLM-256M-Instruct" / "snapshots" / commit
    write_checkpoint(folder, variant=SMALL)
    result = convert(ConvertOptions(str(folder), tmp_path / "o", lm=("f16",), mmproj=("f16",)))
    assert (result.source, result.revision) == ("SmolVLM-256M-Instruct", commit)
    assert result.files[0].path == tmp_path / "o" / "SmolVLM-256M-Instruct-f16.gguf"
    assert keys(result.files[1].path)["gguf_convert.source.revision"] == commit


def test_paths_and_times_leave_no_trace(tmp_path):
    first = run(write_checkpoint(tmp_path / "a" / "here", variant=SMALL), tmp_path / "o1", name="same")
    moved = Path(str(write_checkpoint(tmp_path / "b" / "here", variant=SMALL)))
    second = run(moved, tmp_path / "o2", name="same")
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]
