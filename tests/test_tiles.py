"""tiles.py against the reference's own tiles, and the arithmetic that no golden covers."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc

import numpy as np
import pytest
from drawing import golden, sha256, synth
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from smolcli import tiles, workers
from smolcli.errors import UsageError
from smolcli.tiles import Detail, Geometry, cut, ladder, parse_detail, plan

FAMILIES = {
    "smolvlm-256m": Geometry(512, 64, 2048),
    "smolvlm-500m": Geometry(512, 64, 2048),
    "smolvlm2-256m": Geometry(512, 64, 2048),
    "smolvlm2-500m": Geometry(512, 64, 2048),
    "smolvlm2-2.2b": Geometry(384, 81, 1536),
    "smolvlm-2.2b": Geometry(384, 81, 1536),
}
SMALL = FAMILIES["smolvlm2-500m"]
HIGH, LOW, NATIVE, AUTO = map(parse_detail, ("high", "low", "native", "auto"))
DRAWN = [case for case in golden("preprocess.json") if "file" not in case]  # the others: test_media_image.py


def geometry_of(case) -> Geometry:
    known = FAMILIES[case["family"]]
    return Geometry(known.tile_px, known.tokens_per_tile, case.get("longest_edge", known.longest_edge_px))


def assert_equals_reference(rgb, case) -> None:
    expected = case["expected"]
    assert sha256(rgb.tobytes()) == expected["input_rgb_sha256"]
    planned = plan(tuple(expected["input_size"]), geometry_of(case), HIGH if case.get("split", True) else LOW)
    assert list(planned.resized_px) == expected["resized_size"]
    assert list(planned.refined_px) == expected["refined_size"]
    assert (planned.rows, planned.cols, planned.encodes) == (expected["rows"], expected["cols"], expected["tiles"])
    result = cut(rgb, planned)
    assert result.rgb.shape == (planned.encodes, planned.tile_px, planned.tile_px, 3)
    assert [sha256(tile.tobytes()) for tile in result.rgb] == expected["tile_sha256"]


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: case["name"])
def test_tiles_equal_the_reference_bit_for_bit(case):
    assert_equals_reference(synth(case["width"], case["height"], case["seed"]), case)


def test_native_does_not_enlarge_beyond_the_next_whole_tile():
    planned = plan((640, 488), SMALL, NATIVE)
    assert (planned.rows, planned.cols, planned.encodes, planned.resized_px) == (2, 2, 5, (1024, 780))
    assert plan((640, 488), SMALL, HIGH).encodes == 17
    assert plan((512, 512), SMALL, NATIVE).encodes == 1
    assert plan((513, 512), SMALL, NATIVE).encodes == 5


def test_native_of_a_large_picture_is_high():
    assert plan((4000, 3000), SMALL, NATIVE) == plan((4000, 3000), SMALL, HIGH)


def test_auto_plans_as_high():
    assert plan((640, 480), SMALL, AUTO) == plan((640, 480), SMALL, HIGH)


@pytest.mark.parametrize(
    ("size", "most", "grid"),  # grid is (columns, rows); (0, 0) is unsplit
    [
        ((640, 480), 1, (0, 0)),
        ((640, 480), 2, (0, 0)),
        ((640, 480), 5, (2, 2)),
        ((640, 480), 6, (2, 2)),
        ((640, 480), 7, (3, 2)),
        ((480, 640), 7, (2, 3)),
        ((640, 480), 13, (4, 3)),
        ((640, 480), 999, (4, 3)),
        ((512, 512), 3, (0, 0)),
        ((1000, 1000), 9, (2, 2)),
        ((1000, 500), 4, (2, 1)),
        ((10000, 1), 4, (3, 1)),
        ((1, 10000), 3, (1, 2)),
    ],
)
def test_a_number_picks_the_grid_that_keeps_the_aspect_within_it(size, most, grid):
    planned = plan(size, SMALL, Detail("most", most))
    assert (planned.cols, planned.rows) == grid


def test_a_number_that_the_reference_grid_fits_gives_the_reference_grid():
    assert plan((640, 480), SMALL, Detail("most", 13)) == plan((640, 480), SMALL, HIGH)
    assert plan((640, 480), SMALL, Detail("most", 1)) == plan((640, 480), SMALL, LOW)


def test_ladder_goes_from_high_to_low():
    steps = ladder((640, 480), SMALL)
    assert steps[0] == plan((640, 480), SMALL, HIGH)
    assert steps[-1] == plan((640, 480), SMALL, LOW)
    assert [step.encodes for step in steps] == [13, 10, 7, 5, 3, 1]


@pytest.mark.parametrize("text", ["auto", "low", "native", "high", "1", "17", " HIGH "])
def test_known_details_are_read(text):
    assert str(parse_detail(text)) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "medium", "0", "-3", "1.5", "٣", "9" * 5000, "most"])
def test_an_unknown_detail_lists_the_known(text):
    with pytest.raises(UsageError, match=r"auto, low, native, high.*number"):
        parse_detail(text)


def test_the_longest_edge_is_held_to_the_rows_that_the_vocabulary_names():
    planned = plan((1000, 1000), Geometry(512, 64, 8192), HIGH)
    assert (planned.rows, planned.cols) == (6, 6)
    assert plan((1000, 1000), Geometry(512, 64, 8192, grid_max=99), HIGH).resized_px == (4096, 4096)


def test_a_clip_s_frame_is_one_encode_at_every_detail():
    for detail in (HIGH, LOW, NATIVE, Detail("most", 9)):
        planned = plan((1280, 720), SMALL.for_video(), detail)
        assert (planned.encodes, planned.resized_px, planned.refined_px) == (1, (512, 288), (512, 512))


def test_a_picture_other_than_the_planned_one_is_refused():
    with pytest.raises(ValueError, match="planned for"):
        cut(synth(10, 10, 0), plan((10, 11), SMALL, LOW))
    with pytest.raises(ValueError, match="cannot be cut"):
        plan((0, 10), SMALL, LOW)


def test_cutting_a_large_picture_takes_less_memory_than_the_picture():
    rgb = np.zeros((5000, 5000, 3), np.uint8)
    planned = plan((5000, 5000), SMALL, HIGH)
    tracemalloc.start()
    cut(rgb, planned)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < rgb.nbytes * 0.8


def test_banded_resampling_equals_resampling_at_once(monkeypatch):
    rgb, planned = synth(333, 1000, 3), plan((333, 1000), SMALL, HIGH)
    at_once = cut(rgb, planned).rgb
    monkeypatch.setattr(tiles, "BAND_PX", 5000)
    assert np.array_equal(cut(rgb, planned).rgb, at_once)


@pytest.fixture(scope="module")
def many_threads():
    """Every picture is cut by four threads, in bands of a few rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_idle", threading.Semaphore(3))
        patch.setattr(tiles, "BAND_PX", 2000)
        patch.setattr(tiles, "ALONE_PX", 0)
        yield


@settings(deadline=None)
@given(st.tuples(st.integers(1, 150), st.integers(1, 150)), st.integers(1, 17), st.integers(0, 9))
def test_many_threads_cut_as_pillow_does_at_once(many_threads, size, most, seed):
    planned = plan(size, Geometry(32, 4, 128), Detail("most", most))
    result = cut(synth(*size, seed), planned)
    picture = Image.fromarray(synth(*size, seed))
    for width, height in (planned.resized_px, planned.refined_px):
        for step in ((width, picture.height), (width, height)):
            picture = picture.resize(step, Image.Resampling.LANCZOS)
    whole = picture.resize((32, picture.height), Image.Resampling.LANCZOS).resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(result.rgb[-1], np.asarray(whole))
    for number, tile in enumerate(result.rgb[:-1]):
        top, left = number // planned.cols * 32, number % planned.cols * 32
        assert np.array_equal(tile, np.asarray(picture)[top : top + 32, left : left + 32])
    assert result.digests == tuple(hashlib.blake2b(tile.tobytes(), digest_size=16).digest() for tile in result.rgb)


def test_a_tile_is_hashed_once(monkeypatch, smol, drawn):
    hashed = []

    def counting(data=b"", **options):
        hashed.append(memoryview(data).nbytes)
        return digest(data, **options)

    digest = hashlib.blake2b
    monkeypatch.setattr(hashlib, "blake2b", counting)
    done = smol("ask", "-q", drawn / "exit.png", "What?", "--max-tokens", "1", "--json")
    assert hashed.count(256 * 256 * 3) == done.record["counts"]["encodes"] > 0


def test_pictures_that_are_cut_at_once_share_the_cores_and_give_them_back(monkeypatch):
    monkeypatch.setattr(workers, "_idle", threading.Semaphore(3))
    with workers.idle_cores() as first, workers.idle_cores() as second:
        assert second.each(threading.get_ident, [] * 9) == []
        assert set(second.each(lambda _: threading.get_ident(), range(9))) == {threading.get_ident()}
        barrier = threading.Barrier(4, timeout=30)  # passed by four threads only
        assert first.each(lambda part: (barrier.wait(), part)[1], range(4)) == [0, 1, 2, 3]
    with workers.idle_cores() as third:
        assert third.each(lambda part: (barrier.wait(), part)[1], range(4)) == [0, 1, 2, 3]


def test_what_goes_wrong_in_one_thread_is_raised_and_the_cores_are_given_back(monkeypatch):
    monkeypatch.setattr(workers, "_idle", threading.Semaphore(1))
    here, both = threading.get_ident(), threading.Barrier(2, timeout=30)

    def work(part):
        both.wait()
        if threading.get_ident() != here:
            raise MemoryError(part)

    with pytest.raises(MemoryError), workers.idle_cores() as pool:
        pool.each(work, range(2))
    assert workers._idle.acquire(blocking=False)


sides = st.one_of(st.integers(1, 40), st.integers(1, 5000), st.sampled_from([1, 4095, 4096, 4097, 10000, 65535]))
sizes = st.tuples(sides, sides)
geometries = st.builds(
    Geometry,
    tile_px=st.sampled_from([32, 364, 384, 512]),
    tokens_per_tile=st.sampled_from([16, 64, 81]),
    longest_edge_px=st.sampled_from([384, 512, 1000, 1536, 2048, 8192]),
    grid_max=st.sampled_from([4, 6]),
)
details = st.one_of(st.sampled_from([HIGH, LOW, NATIVE, AUTO]), st.builds(Detail, st.just("most"), st.integers(1, 50)))


@given(sizes, geometries, details)
def test_every_plan_is_whole_tiles_within_what_the_model_allows(size, geometry, detail):
    planned = plan(size, geometry, detail)
    tile = geometry.tile_px
    assert planned.source_px == size
    assert planned.refined_px == (max(planned.cols, 1) * tile, max(planned.rows, 1) * tile)
    assert min(planned.resized_px) >= 1
    assert max(planned.resized_px) <= tiles.MAX_SIDE_PX
    assert 0 <= planned.rows <= geometry.grid_max
    assert 0 <= planned.cols <= geometry.grid_max
    assert (planned.rows == 0) == (planned.cols == 0)
    assert planned.tokens == planned.encodes * geometry.tokens_per_tile
    if detail.word == "low":
        assert planned.encodes == 1
    if detail.word == "most":
        assert planned.encodes <= detail.max_encodes


@given(sizes, geometries)
def test_a_ladder_only_ever_gets_cheaper_and_ends_with_one_encode(size, geometry):
    steps = ladder(size, geometry)
    encodes = [step.encodes for step in steps]
    assert encodes == sorted(set(encodes), reverse=True)
    assert steps[0] == plan(size, geometry, HIGH)
    assert steps[-1].encodes == 1


@given(sizes, geometries)
def test_native_never_costs_more_than_high(size, geometry):
    assert plan(size, geometry, NATIVE).encodes <= plan(size, geometry, HIGH).encodes


@given(st.tuples(st.integers(1, 90), st.integers(1, 90)), st.integers(1, 17), st.integers(0, 9))
def test_the_tiles_put_together_are_the_resized_picture(size, most, seed):
    geometry = Geometry(16, 4, 64)
    planned = plan(size, geometry, Detail("most", most))
    rgb = synth(*size, seed)
    result = cut(rgb, planned).rgb
    refined = tiles._resize(rgb, (planned.resized_px, planned.refined_px))
    if planned.rows:
        rows = [np.concatenate(list(row), 1) for row in result[:-1].reshape(planned.rows, planned.cols, 16, 16, 3)]
        assert np.array_equal(np.concatenate(rows, 0), refined)
    assert np.array_equal(result[-1], tiles._resize(refined, [(16, 16)]))
