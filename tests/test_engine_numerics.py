"""Embeddings, logits and greedy text against transformers' numbers for the same weights (tests/golden/gguf)."""

import json

import numpy as np
import pytest
from checkpoints import GOLDEN
from drawing import sha256, synth
from models import TYPES, golden_pair
from scores import as_logits, greedy

from smolcli.datatypes import ImagePart, TextPart, Turn
from smolcli.engine import EngineOptions, load_engine
from smolcli.tiles import Detail, Geometry, cut, plan

NUMERICS = GOLDEN / "gguf" / "tiny-numerics"
CASES = {case["name"]: case for case in json.loads((NUMERICS / "numerics.json").read_text())["cases"]}
LIMITS = {"f32": (5e-3, 5e-3), "f16": (5e-3, 1e-2), "bf16": (3e-2, 2e-2), "q8_0": (1e-1, 6e-2)}  # NOTES.md


@pytest.fixture(scope="module", params=TYPES)
def engine(request):
    with load_engine(golden_pair(request.param), EngineOptions()) as opened:
        opened.kind = request.param
        yield opened


def turns(name, facts):
    case = CASES[name]
    if "width" not in case:
        return (Turn("user", (TextPart("What is the capital of France?"),)),)
    shape = Geometry(facts.tile_px, facts.tokens_per_tile, facts.longest_edge_px, facts.grid_limit)
    picture = synth(case["width"], case["height"], case["seed"])
    cuts = plan((case["width"], case["height"]), shape, Detail("low" if case.get("split") is False else "high"))
    tiles = cut(picture, cuts)
    assert [sha256(tile.tobytes()) for tile in tiles.rgb] == case["tile_sha256"]
    return (Turn("user", (ImagePart(cuts, tiles), TextPart("Can you describe this image?"))),)


@pytest.mark.parametrize("name", ["split", "unsplit"])
def test_embeddings_of_every_tile_are_transformers(engine, name):
    [picture] = [part for part in turns(name, engine.facts)[0].parts if isinstance(part, ImagePart)]
    want = np.load(NUMERICS / f"{name}.embeddings.npy")
    found = np.stack([engine.embed(tile) for tile in picture.tiles.rgb])
    assert found.shape == want.shape
    assert found.dtype == np.float32
    assert np.abs(found - want).max() < LIMITS[engine.kind][0]


@pytest.mark.parametrize("name", ["split", "unsplit", "text"])
def test_last_logits_are_transformers(engine, name):
    want = np.load(NUMERICS / f"{name}.logits.npy").reshape(-1)
    [[scores]] = engine.score(turns(name, engine.facts), [[0]])
    found = as_logits(scores, want)
    assert np.linalg.norm(found - want) / np.linalg.norm(want) < LIMITS[engine.kind][1]
    assert found.argmax() == want.argmax()


@pytest.mark.parametrize("name", ["split", "unsplit", "text"])
def test_greedy_tokens_are_transformers(name):
    with load_engine(golden_pair("f32"), EngineOptions()) as engine:
        assert greedy(engine, turns(name, engine.facts), 8)[0] == CASES[name]["greedy8"]


def test_blank_and_repeated_tiles_give_the_same_rows(engine):
    tile = synth(engine.facts.tile_px, engine.facts.tile_px, 5)
    first = engine.embed(tile)
    engine.embed(np.zeros_like(tile))
    assert np.array_equal(first, engine.embed(tile))
    assert not np.array_equal(first, engine.embed(np.zeros_like(tile)))
