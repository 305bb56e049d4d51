"""What a card makes of a model, in two minutes: examples, decode, towers at once, rows of a pass; and if it is right.

    python tests/bench/gpu/measure.py LM.gguf MMPROJ.gguf [--device cuda] [--budget 110] [--json FILE]

Every figure is printed as it comes, so that a crash loses only what follows; a part for which no time is left is said
to be left out. An example is the paper's: a picture (17 tiles with the family's models) and a question, 32 new tokens.
`--device cpu --quick` tries all of it without a card.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from smolcli.checks.drawn_pictures import DrawnPictures
from smolcli.checks.examples import examples_per_s
from smolcli.datatypes import RGB, ModelPair, Sampling, TextPart, Turn
from smolcli.engine import Engine, EngineOptions, devices, load_engine
from smolcli.errors import SmolError
from smolcli.generation import Generation, Request
from smolcli.reader import Reader
from smolcli.run import RunOptions

MOST_ERROR = 3e-3  # of embeddings, against the CPU's


@dataclass
class Session:
    """What is measured, with what, and what was found: {"part", …} each."""

    pair: ModelPair
    options: EngineOptions
    quick: bool
    end: float
    pictures: DrawnPictures
    found: list[dict[str, object]] = field(default_factory=list)

    def say(self, part: str, text: str, **values: object) -> None:
        """One line, and its numbers for --json."""
        print(f"{part}: {text}", flush=True)
        self.found.append({"part": part, **values})

    def engine(self, **changes: object) -> Engine:
        """The model, opened with other options."""
        return load_engine(self.pair, replace(self.options, **changes))  # type: ignore[arg-type]


def tiles(engine: Engine, count: int, seed: int = 0) -> list[RGB]:
    """uint8 (T, T, 3) each: coarse squares with fine noise, no two alike."""
    edge, rng = engine.facts.tile_px, np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, edge // 8, edge // 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    return list(np.clip(coarse + rng.integers(-12, 12, coarse.shape), 0, 255).astype(np.uint8))


def card_mb() -> int:
    """What is taken on all cards, by whomever; 0 where there is none."""
    return sum(device.total_bytes - device.free_bytes for device in devices() if device.kind != "cpu") // 10**6


# ---- the parts


def equality(session: Session) -> None:
    """Embeddings of the same tiles on both; and what it says of them."""
    with session.engine() as here, session.engine(device="cpu") as cpu:
        session.say("device", here.placement.line(None).removeprefix("device: "), name=here.placement.name)
        errors = []
        for tile in tiles(here, 2):
            rows, wanted = here.embed(tile), cpu.embed(tile)
            errors.append(float(np.linalg.norm(rows - wanted) / np.linalg.norm(wanted)))
        verdict = "as they should be" if max(errors) <= MOST_ERROR else f"MORE THAN {MOST_ERROR}"
        session.say("embeddings", f"relative error {max(errors):.1e} against the CPU's, {verdict}", error=max(errors))
        asked = [Turn("user", (TextPart("What is a library?"),))]
        same = [written(engine, [asked], 16)[0].ids for engine in (here, cpu)]
        equal = sum(one == other for one, other in zip(*same, strict=False))
        session.say("text", f"{equal} of {len(same[0])} tokens as on the CPU", equal=equal, tokens=len(same[0]))


def towers(session: Session) -> None:
    """Tiles a second with 1, 2, 4 and 8 towers."""
    first = 0.0
    for count in (1, 2) if session.quick else (1, 2, 4, 8):
        with session.engine(towers=count) as engine:
            most_s = 1.5 if session.quick or engine.placement.card is not None else 20.0
            speed = tiles_per_s(engine, 4 * count if session.quick else 64 * count, most_s)
            first = first or speed
            what = f"{speed:.1f} tiles/s, {speed / first:.2f} × one, {card_mb()} MB taken on the card"
            session.say("towers", f"{count}: {what}", count=count, tiles_per_s=speed, card_mb=card_mb())


def tiles_per_s(engine: Engine, most: int, most_s: float) -> float:
    """By the clock, once every tower has encoded one; each tower has the next tile in hand."""
    encoder = engine._encoder.towers  # type: ignore[attr-defined]
    some = tiles(engine, 8)
    wait([encoder.submit(some[n % 8]) for n in range(2 * max(1, engine._options.towers or 1))])  # type: ignore[attr-defined]
    pending, done, given, start = set(), 0, 0, time.perf_counter()
    while done < most and time.perf_counter() - start < most_s:
        while len(pending) < 4 * encoder.at_once:
            pending.add(encoder.submit(some[given % 8]))
            given += 1
        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
        done += len(finished)
    speed = done / (time.perf_counter() - start)
    wait(pending)
    return speed


def decode(session: Session) -> None:
    """New tokens a second of 1, 8 and 64 answers at the same time."""
    for width in (1, 2) if session.quick else (1, 8, 64):
        with session.engine(parallel=width) as engine:
            asked = [[Turn("user", (TextPart(f"Number {n}. Tell me about it."),))] for n in range(width)]
            written(engine, asked, 2)
            start = time.perf_counter()
            made = written(engine, asked, 4 if session.quick else 64)
            spent_s = time.perf_counter() - start
            new = sum(each.counts.new_tokens for each in made)
            step_ms = 1e3 * spent_s * width / new
            what = f"{new / spent_s:.0f} tokens/s, {step_ms:.2f} ms a step"
            session.say("decode", f"{width}: {what}", width=width, tokens_per_s=new / spent_s)


def written(engine: Engine, asked: Sequence[Sequence[Turn]], tokens: int) -> list[Generation]:
    """Answers of so many tokens each."""
    sampling = Sampling(max_tokens=tokens)
    requests = [Request(key, tuple(turns), sampling, ignore_eos=True) for key, turns in enumerate(asked)]
    return [event for event in engine.run(requests) if isinstance(event, Generation)]


def examples(session: Session) -> None:
    """Examples a second at 1, 8 and 64: four times as many pictures, so that beginning and end weigh little."""
    for width in (1, 2) if session.quick else (1, 8, 64):
        speed, card = rate(session, width, width * (1 if session.quick else 4) + 2)
        what = f"{speed:.2f} examples/s, {card} MB taken on the card"
        session.say("examples", f"{width} at a time: {what}", width=width, examples_per_s=speed, card_mb=card)


def batch_rows(session: Session) -> None:
    """Examples a second with passes of 512 to 4,096 rows."""
    width = 1 if session.quick else 16
    for rows in (128, 512) if session.quick else (512, 1024, 2048, 4096):
        speed, _ = rate(session, width, 2 * width, batch_rows=rows)
        session.say("batch rows", f"{rows}: {speed:.2f} examples/s, {width} at a time", rows=rows, examples_per_s=speed)


def rate(session: Session, width: int, count: int, **changes: object) -> tuple[float, int]:
    """Examples a second, and MB that are taken on the card at the end."""
    options = replace(session.options, parallel=width, **changes)  # type: ignore[arg-type]
    running = RunOptions(threads=4, ahead_bytes=1 << 30)
    with Reader(session.pair, options, None, running) as reader:
        tokens = 4 if session.quick else 32
        examples_per_s(reader, session.pictures.more(min(2, count)), tokens)
        return examples_per_s(reader, session.pictures.more(count), tokens), card_mb()


PARTS: dict[str, Callable[[Session], None]] = {
    "equality": equality,
    "towers": towers,
    "decode": decode,
    "examples": examples,
    "rows": batch_rows,
}


def run(session: Session, parts: Sequence[str]) -> Iterator[str]:
    """Every part in turn; yields what has failed or was left out."""
    for name in parts:
        if time.monotonic() > session.end:
            yield f"{name}: left out, no time"
            continue
        try:
            PARTS[name](session)
        except SmolError as error:
            yield f"{name}: FAILED, {error}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", type=Path)
    parser.add_argument("projector", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=110, metavar="SECONDS")
    parser.add_argument("--parts", default=",".join(PARTS), help="of %(default)s")
    parser.add_argument("--quick", action="store_true", help="smallest numbers: to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="smol-gpu-") as folder:
        pair = ModelPair(given.language, given.projector, given.language.stem)
        options, end = EngineOptions(device=given.device), time.monotonic() + given.budget
        session = Session(pair, options, given.quick, end, DrawnPictures(Path(folder)))
        wrong = []
        for sentence in run(session, given.parts.split(",")):
            print(sentence, flush=True)
            wrong.append(sentence)
    if given.json is not None:
        given.json.write_text(json.dumps({"found": session.found, "wrong": wrong}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
