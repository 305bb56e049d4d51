"""The few goldens that ship with `smol doctor`, picked from tests/golden. `python tests/doctor_goldens.py` writes them.

tokens: by image token and tokens per tile, which tell the family's vocabularies apart: conversations and their ids,
[id, n] = n times id; an image is its [rows, columns].
tiles: pictures that anyone can draw (smolcli/checks/model.py: synth) and the first digits of each tile's SHA-256.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drawing import golden

OUT = Path(__file__).parent.parent / "smolcli" / "models" / "goldens" / "goldens.json"
PICKED = (  # (image token, tokens per tile), cases
    ((49190, 64), ("image-first", "system-image", "whitespace", "digits", "emoji", "typed-image-token")),
    ((49190, 81), ("image-first-2.2b", "code", "typed-reserved")),
    ((49153, 81), ("v1-2.2b-split-marker-as-text", "v1-2.2b-text", "v1-2.2b-typed-eou")),
)
TILES = ("vga", "tall-333x1000", "edge-768-2.2b", "vga-2.2b-unsplit")
DIGITS = 16
GEOMETRY = {"smolvlm2-500m": (512, 2048), "smolvlm2-2.2b": (384, 1536)}


def build() -> dict[str, Any]:
    prompts = {case["name"]: case for case in golden("prompts.json")}
    tiles = {case["name"]: case for case in golden("preprocess.json")}
    tokens = [{"of": list(key), "cases": [_prompt(prompts[name]) for name in names]} for key, names in PICKED]
    return {"tokens": [*tokens, builtin_tokens()], "tiles": [_tiles(tiles[name]) for name in TILES]}


def builtin_tokens() -> dict[str, Any]:
    """What the shipped model makes of two conversations: a record of its vocabulary, not of a reference."""
    from smolcli.checks.model import conversation
    from smolcli.engine import EngineOptions, load_planner
    from smolcli.formats import run_lengths
    from smolcli.models import builtin

    cases = []
    with load_planner(builtin(), EngineOptions()) as planner:
        for name in ("image-first", "digits"):
            case = _prompt(next(case for case in golden("prompts.json") if case["name"] == name))
            ids = planner.tokens(conversation(case["turns"], planner.facts)).ids.tolist()
            cases.append({**case, "ids": run_lengths(ids)})
        key = [planner.facts.image_token, planner.facts.tokens_per_tile]
    return {"of": key, "cases": cases}


def _prompt(case: dict[str, Any]) -> dict[str, Any]:
    media = iter(case["media"])
    turns = [[turn["role"], [_part(part, media) for part in turn["content"]]] for turn in case["messages"]]
    expected = case["expected"]
    return {"name": case["name"], "turns": turns, "ids": expected.get("ids_safe", expected["ids"])}


def _part(part: dict[str, Any], media: Any) -> Any:
    if part["type"] == "text":
        return part["text"]
    image = next(media)
    return [image["rows"], image["cols"]]


def _tiles(case: dict[str, Any]) -> dict[str, Any]:
    tile, edge = GEOMETRY[case["family"]]
    return {
        "name": case["name"],
        "width": case["width"],
        "height": case["height"],
        "seed": case["seed"],
        "split": case.get("split", True),
        "tile_px": tile,
        "longest_edge_px": case.get("longest_edge", edge),
        "sha256": [digest[:DIGITS] for digest in case["expected"]["tile_sha256"]],
    }


def text() -> str:
    return json.dumps(build(), ensure_ascii=True, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
