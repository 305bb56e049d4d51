"""Inspecting what was written, and files that others wrote: facts, pairing, doubts, and damage of every kind."""

import json
import random

import pytest
from checkpoints import GOLDEN, Variant, write_checkpoint

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.describe import inspection_lines, inspection_table
from gguf_convert.errors import NotACheckpointError
from gguf_convert.inspection import inspect
from gguf_convert.metadata import Metadata
from gguf_convert.read import read_gguf
from gguf_convert.write import header, write_gguf


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    out = tmp_path_factory.mktemp("pair")
    return [file.path for file in convert(ConvertOptions(str(GOLDEN / "gguf" / "tiny-hf"), out)).files]


@pytest.fixture(scope="module")
def v1(tmp_path_factory):
    folder = tmp_path_factory.mktemp("v1")
    write_checkpoint(folder / "src", "SmolVLM-Instruct")
    return [file.path for file in convert(ConvertOptions(str(folder / "src"), folder / "out", name="v1")).files]


def without(path, key, out, **changes):
    """A copy less one key, with others changed, as an older converter would have written it."""
    file = read_gguf(path)
    metadata = Metadata({name: value for name, value in file.metadata.values.items() if name != key})
    for name, value in changes.items():
        metadata.float32(f"clip.vision.attention.{name}", value)
    raw = path.read_bytes()
    blocks = [[memoryview_of(raw, file.offsets[t.name], t.bytes)] for t in file.tensors]
    write_gguf(out, metadata, list(file.tensors), blocks)
    return out


def memoryview_of(raw, start, count):
    import numpy as np

    return np.frombuffer(raw, np.uint8, count, start)


def test_a_pair_is_described_as_its_checkpoint_says(pair):
    found = inspect(pair)
    lm, mmproj = found.files
    assert (lm.part, mmproj.part) == ("lm", "mmproj")
    assert (lm.language.width, lm.language.vocab, lm.language.pre_tokenizer) == (32, 49280, "smollm")
    assert lm.language.markers == {
        "<image>": 49190, "<fake_token_around_image>": 49189, "<global-img>": 49152, "<row_1_col_1>": 49153,
    }  # fmt: skip
    assert lm.language.specials["eos"] == (49279, "<end_of_utterance>")
    assert (mmproj.vision.tile_px, mmproj.vision.tokens_per_tile, mmproj.vision.longest_edge_px) == (128, 4, 512)
    assert [warning for file in found.files for warning in file.warnings] == []
    assert found.pairs[0].fits
    assert found.pairs[0].same_source


def test_shares_add_up_to_every_tensor_and_byte(pair):
    for path, report in zip(pair, inspect(pair).files, strict=True):
        tensors = read_gguf(path).tensors
        assert sum(share.tensors for share in report.shares) == len(tensors)
        assert sum(share.bytes for share in report.shares) == sum(tensor.bytes for tensor in tensors)
        assert "other" not in {share.group for share in report.shares}


def test_tokens_of_a_picture_follow_the_references_formula(pair):
    """R·C·(S+2) + (R−1) + 1 + (S+3), uncut S+3 (smolvlm.md §3.3); S is 4 here."""
    assert inspect(pair).pairs[0].image_tokens == {"0x0": 7, "4x4": 107, "3x4": 12 * 6 + 3 + 7}


def test_the_first_2b_spells_its_markers_as_plain_text_and_is_counted_so(v1):
    found = inspect(v1)
    assert found.files[0].language.markers["<global-img>"] is None
    assert any("plain text" in warning for warning in found.files[0].warnings)
    tokens_per_tile = found.files[1].vision.tokens_per_tile
    assert found.pairs[0].image_tokens["0x0"] == 1 + 5 + tokens_per_tile + 1  # <global-img> is 5 ids (§2.1)


def test_a_missing_longest_edge_says_what_that_changes_and_how_to_repair_it(pair, tmp_path):
    old = without(pair[1], "clip.vision.preproc_image_size", tmp_path / "mmproj-old.gguf")
    warnings = inspect([old]).files[0].warnings
    assert any("smol repair" in warning and "640×480" in warning for warning in warnings)


def test_a_wrong_epsilon_is_warned_about(pair, tmp_path):
    old = without(pair[1], "", tmp_path / "mmproj-eps.gguf", layer_norm_epsilon=1e-5)
    assert any("1e-05" in warning for warning in inspect([old]).files[0].warnings)


def test_files_of_different_checkpoints_and_widths_do_not_pair(pair, v1, tmp_path):
    report = inspect([pair[0], v1[1]]).pairs[0]
    assert not report.fits
    assert "32" in report.warnings[0]
    other = write_checkpoint(tmp_path / "other", variant=Variant())
    files = convert(ConvertOptions(str(other), tmp_path / "o", name="b")).files
    same_width = inspect([v1[0], files[1].path]).pairs[0]
    assert same_width.fits
    assert same_width.same_source is False


def test_a_model_of_another_kind_is_named(tmp_path):
    metadata = Metadata()
    metadata.string("general.architecture", "qwen2")
    write_gguf(tmp_path / "q.gguf", metadata, [], [])
    assert "qwen2" in inspect([tmp_path / "q.gguf"]).files[0].warnings[0]


def test_json_and_text_say_the_same(pair):
    found = inspect(pair)
    table = json.loads(json.dumps(inspection_table(found)))
    assert table["schema"] == 1
    assert table["pairs"][0]["fits"] is True
    assert table["files"][1]["vision"]["tile_px"] == 128
    text = "\n".join(inspection_lines(found))
    assert "tile 128 px" in text
    assert "7 uncut" in text


@pytest.mark.parametrize("count", [0, 3, 8, 23, 24, 100, 5000, 1_000_000])
def test_a_cut_off_file_is_exit_4(pair, tmp_path, count):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(pair[0].read_bytes()[:count])
    with pytest.raises(NotACheckpointError) as caught:
        inspect([cut])
    assert caught.value.exit_code == 4


def test_no_flipped_byte_of_a_header_makes_more_than_an_error(pair, tmp_path):
    """Every length, count, type and offset in turn, and random ones: an error in one sentence, or another reading."""
    file = read_gguf(pair[1])
    size = len(header(file.metadata, list(file.tensors)))
    raw = pair[1].read_bytes()
    rng = random.Random(1)
    for at in [*range(4, 64), *(rng.randrange(size) for _ in range(300))]:
        broken = bytearray(raw)
        broken[at] ^= 1 << rng.randrange(8)
        path = tmp_path / "broken.gguf"
        path.write_bytes(broken)
        try:
            inspect([path])
        except NotACheckpointError as error:
            assert "\n" not in error.message


@pytest.mark.parametrize("named", ["absent.gguf", "."])
def test_a_file_that_is_not_there_is_exit_4(tmp_path, named):
    with pytest.raises(NotACheckpointError):
        inspect([tmp_path / named])
