"""A model and how much is to be measured in, its speeds and memory out. Nothing is taken from the store, or kept.

bench = Bench(pair, EngineOptions(), Amount(widths=(1, 4)))
bench.run()
bench.rows
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from smolcli.checks.cold import ColdAnswer, ask_cold
from smolcli.checks.drawn_pictures import HIGH_PX, WIDE_PX, DrawnPictures
from smolcli.checks.examples import QUESTION, examples_per_s
from smolcli.checks.repeats import Amount, Repeats, Told
from smolcli.datatypes import ModelPair, Sampling, TextPart, TilePlan, Tiles, Turn
from smolcli.engine import Engine, EngineOptions, devices, physical_cores
from smolcli.errors import SmolError
from smolcli.generation import Generation, Refused, Request
from smolcli.measurements import Measurement, measured
from smolcli.media import MediaOptions, open_media
from smolcli.reader import Reader
from smolcli.run import RunOptions, geometry
from smolcli.speeds import Took
from smolcli.tiles import cut, parse_detail, plan

MB = 1e6
ORDER = (
    "load",
    "preprocess",
    "encode",
    "prefill",
    "decode",
    "examples",
    "one picture, cold",
    "peak memory",
    "GPU memory",
)


class Bench:
    """Measures a model. After `run`: rows in the order of the work, notes on what was left out, settings in words.

    took: what the answers one at a time took; load_s: how long the model took to load.
    """

    def __init__(self, pair: ModelPair, options: EngineOptions, amount: Amount, told: Told = lambda *_: None) -> None:
        self._pair, self._options, self._amount = pair, options, amount
        self._repeats = Repeats(amount, 5 + 2 * len(amount.widths), told)
        self.notes: list[str] = []
        self.settings: tuple[str, ...] = ()
        self.took, self.load_s = Took(), 0.0
        self._rows: dict[str, list[Measurement]] = {}
        self._loads: list[float] = []
        self._card = ""  # on which it is computed, if it is not the processor
        self._free_bytes = self._least_free_bytes = 0

    @property
    def rows(self) -> list[Measurement]:
        """What was measured, in the order of the work."""
        return [row for name in ORDER for row in self._rows.get(name, ())]

    @property
    def example_widths(self) -> list[int]:
        """How many examples at a time were measured."""
        return [row.at for row in self._rows.get("examples", ())]

    def run(self, cold: bool = True) -> None:
        """Measure everything. cold: with processes of their own too.

        Raises ModelError, UsageError (device), EngineError.
        """
        with tempfile.TemporaryDirectory(prefix="smol-bench-") as folder:
            self._pictures = DrawnPictures(Path(folder))
            with self._reader(1) as reader:  # reads the files into the system's cache
                self._loads.clear()
                card = reader.engine.placement.card
                self._card = card.name if card is not None else ""
            self._free_bytes = self._least_free_bytes = self._free()
            for number, width in enumerate(self._amount.widths):
                with self._reader(width) as reader:
                    _prefill(reader.engine, self._prompt_tokens(reader), 0)  # the KV cache is as large as it will be
                    if number == 0:
                        self._stages(reader)
                    self._at(reader, width)
            if cold:
                self._cold()
            self._keep("load", "s", self._repeats.values("load", self._load))
        self.load_s = self._rows["load"][0].median
        if (used := self._free_bytes - self._least_free_bytes) > 0:
            self._keep("GPU memory", "MB", [used / MB])

    # ---- one answer at a time

    def _stages(self, reader: Reader) -> None:
        files = self._pictures.more(self._amount.runs)
        cuts: list[Tiles] = []

        def preprocess(number: int) -> float:
            start = time.perf_counter()
            cuts.append(_cut(reader, files[number]))
            return 1000 * (time.perf_counter() - start)

        def encode(number: int) -> float:
            tiles = cuts[number % len(cuts)].rgb
            start = time.perf_counter()
            reader.engine.embed(tiles[number % len(tiles)])
            return 1000 * (time.perf_counter() - start)

        tokens = self._prompt_tokens(reader)
        self._keep("preprocess", "ms", self._repeats.values("preprocess", preprocess))
        self._keep("encode", "ms a tile", self._repeats.values("encode", encode))
        speeds = self._repeats.values("prefill", lambda number: _prefill(reader.engine, tokens, number + 1))
        self._keep("prefill", "tokens/s", speeds)
        self.settings = (
            f"{self._options.threads or physical_cores()} threads, on {self._card or 'the processor'}",
            f"a picture of {WIDE_PX}×{HIGH_PX}: {cuts[0].plan.encodes} tiles of {cuts[0].plan.tile_px} px",
            f"prompts of {tokens} tokens, answers of at most {self._amount.tokens}",
        )

    def _prompt_tokens(self, reader: Reader) -> int:
        """As long as the prompt of a picture is, in text; less where the context does not hold that."""
        wanted = len(reader.engine.tokens(_turns(QUESTION)).ids) + reader.engine.image_tokens(_planned(reader))
        return max(16, min(wanted, reader.engine.context_tokens - self._amount.tokens - 16))

    def _cold(self) -> None:
        """Processes of their own: what a user waits for, and their memory, to which nothing here has added."""
        picture = self._pictures.more(1)[0]

        def once(_: int) -> ColdAnswer:
            return ask_cold(self._pair, self._options, picture, QUESTION, self._amount.tokens)

        found = self._repeats.values("one picture, cold", once)
        self._keep("one picture, cold", "s", [each.seconds for each in found])
        if all(each.peak_bytes for each in found):
            self._keep("peak memory", "MB", [each.peak_bytes / MB for each in found])

    # ---- several at a time

    def _at(self, reader: Reader, width: int) -> None:
        """Decode, then whole examples, at a width."""
        tokens = self._amount.tokens
        try:
            if self._affords("decode", width, tokens):
                decode_speed(reader.engine, width, 2)
                label = f"decode, {width} at a time"
                values = self._repeats.values(label, lambda _: decode_speed(reader.engine, width, tokens))
                self._keep("decode", "tokens/s", values, width)
            if self._affords("examples", width, 1):
                label = f"examples, {width} at a time"
                self._keep("examples", "examples/s", self._repeats.values(label, self._examples(reader, width)), width)
        except SmolError as error:
            if width == self._amount.widths[0]:
                raise
            self.notes.append(f"{width} at a time could not be measured: {error.message}")
        self._least_free_bytes = min(self._least_free_bytes, self._free())

    def _examples(self, reader: Reader, width: int) -> Callable[[int], float]:
        def once(_: int) -> float:
            files = self._pictures.more(width)
            return examples_per_s(reader, files, self._amount.tokens, self.took.add if width == 1 else lambda _: None)

        return once

    def _affords(self, name: str, width: int, units: int) -> bool:
        """Whether one run at a width would end in time, if it is no faster than the last. units: of each sequence."""
        known = self._rows.get(name)
        if self._amount.all_widths or not known or self._repeats.in_time(seconds := width * units / known[-1].median):
            return True
        left_out = f"{name}, {width} at a time: left out, a run would take {seconds:.0f} s"
        self.notes.append(f"{left_out} (measure it with --widths {width})")
        self._repeats.leave_out()
        return False

    # ---- what is opened, and what is kept

    @contextmanager
    def _reader(self, width: int) -> Iterator[Reader]:
        """The model, opened for a width, with both files loaded; and how long that took, put down."""
        with Reader(self._pair, replace(self._options, parallel=width), None, RunOptions()) as reader:
            edge = reader.facts.tile_px
            reader.engine.embed(np.full((edge, edge, 3), 200, np.uint8))
            self._loads.append(reader.engine.load_s)
            yield reader

    def _load(self, number: int) -> float:
        """What loading took when the model was opened for a width; where that was too seldom, it is opened again."""
        if number >= len(self._loads):
            with self._reader(1):
                pass
        return self._loads[number]

    def _free(self) -> int:
        """Free memory of the card, 0 without one."""
        return next((device.free_bytes for device in devices() if device.name == self._card), 0) if self._card else 0

    def _keep(self, name: str, unit: str, values: Sequence[float], width: int = 0) -> None:
        self._rows.setdefault(name, []).append(measured(name, unit, values, width))


def _planned(reader: Reader) -> TilePlan:
    return plan((WIDE_PX, HIGH_PX), geometry(reader.facts), parse_detail("high"))


def _cut(reader: Reader, file: Path) -> Tiles:
    """A file, decoded and cut as finely as the model takes it."""
    with open_media(str(file), MediaOptions(reader.facts.longest_edge_px)) as media:
        return cut(next(iter(media.frames())).rgb, _planned(reader))


def _turns(text: str) -> tuple[Turn, ...]:
    return (Turn("user", (TextPart(text),)),)


def _prefill(engine: Engine, tokens: int, number: int) -> float:
    """Tokens per second by the clock of a prompt of so many at least, to the first token of its answer."""
    text, more = f"{number + 1} pages", " of printed words"
    have = len(engine.tokens(_turns(text)).ids)
    each = len(engine.tokens(_turns(text + more)).ids) - have
    turns = _turns(text + more * max(0, -(-(tokens - have) // each)))
    start = time.perf_counter()
    [made] = _answers(engine, [Request(0, turns, Sampling(max_tokens=1), ignore_eos=True)])
    return (made.counts.prompt_tokens - made.counts.cached_tokens) / (time.perf_counter() - start)


def decode_speed(engine: Engine, width: int, tokens: int) -> float:
    """New tokens per second of so many answers at the same time, all of the same length.

    By the clock, everything included, less what reading the short prompts took, of which the first tokens come.
    """
    sampling = Sampling(max_tokens=tokens)
    turns = [_turns(f"{number + 1} things to say about number {number + 1}") for number in range(width)]
    start = time.perf_counter()
    made = _answers(engine, [Request(key, each, sampling, ignore_eos=True) for key, each in enumerate(turns)])
    spent_s = time.perf_counter() - start - sum(each.seconds.prefill for each in made)
    return sum(each.counts.new_tokens - 1 for each in made) / max(spent_s, 1e-9)


def _answers(engine: Engine, requests: Sequence[Request]) -> list[Generation]:
    found = []
    for event in engine.run(requests):
        if isinstance(event, Refused):
            raise event.error
        if isinstance(event, Generation):
            found.append(event)
    return found
