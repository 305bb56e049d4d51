"""llama.cpp's own tools beside smol: the same pictures, question and model in, ratios out.

Each run of theirs follows one of ours, so that what slows the machine slows both; a ratio is of such a pair of runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from smolcli.checks.cold import ColdAnswer, ask_cold
from smolcli.checks.drawn_pictures import DrawnPictures
from smolcli.checks.examples import QUESTION, examples_per_s
from smolcli.checks.peers import COMMAND, SERVER, PeerAnswer, Peers, PeerTask
from smolcli.checks.repeats import Amount, Repeats, Told
from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions, device_word, devices, physical_cores
from smolcli.measurements import Measurement, measured, ratio
from smolcli.reader import Reader
from smolcli.run import RunOptions

MB = 1e6
_CONTEXT = 8192  # tokens
_SPARE_TOKENS = 64  # of a server's context, beside prompt and answer
Pair = tuple[ColdAnswer, PeerAnswer]


class Against:
    """Measures smol and its peers in turns. After `run`: rows, and notes on what is not the same. Close it."""

    def __init__(self, pair: ModelPair, options: EngineOptions, peers: Peers, amount: Amount, told: Told) -> None:
        self._pair, self._options, self._peers, self._amount, self._told = pair, options, peers, amount, told
        self.rows: list[Measurement] = []
        self.notes: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="smol-bench-")
        self._pictures = DrawnPictures(Path(self._folder.name))
        self._prompt_tokens = 0

    @property
    def measures_cold(self) -> bool:
        """Whether processes of smol are measured as well, beside the peer's."""
        return self._peers.command is not None

    def warm(self) -> None:
        """Have each tool read the model once: a tool that fails is said before anything is measured.

        Raises EngineError.
        """
        self._told("starting the others", 0, 1)
        if self._peers.command is not None:
            self._peers.ask(self._task(self._context), self._pictures.more(1)[0], QUESTION)
        if self._peers.server is not None:
            self._peers.serve(self._task(self._context), 1).close()

    def run(self, widths: Sequence[int]) -> None:
        """Measure what there is a tool for; widths: of examples at the same time, for which there is time.

        Raises EngineError (a tool fails), ModelError.
        """
        widths = widths if self._peers.server is not None else ()
        repeats = Repeats(self._amount, self.measures_cold + len(widths), self._told)
        if self.measures_cold:
            self._cold(repeats)
        for width in widths:
            self._served(repeats, width)

    def close(self) -> None:
        """Remove the pictures."""
        self._folder.cleanup()

    @property
    def _context(self) -> int:
        return self._options.context or _CONTEXT

    def _task(self, context: int) -> PeerTask:
        threads = self._options.threads or physical_cores()
        words = ["-ngl", str(self._options.gpu_layers)] if self._options.gpu_layers is not None else []
        words += _device_words(self._options.device)
        words += ["-ctk", self._options.kv_type, "-ctv", self._options.kv_type]
        return PeerTask(self._pair, threads, self._amount.tokens, context, tuple(words))

    # ---- one picture, from the start of a process

    def _cold(self, repeats: Repeats) -> None:
        tokens, task = self._amount.tokens, self._task(self._context)

        def once(number: int) -> Pair:
            [picture] = self._pictures.more(1)
            ours = theirs = None
            for turn in (number, number + 1):
                if turn % 2 == 0:
                    ours = ask_cold(self._pair, self._options, picture, QUESTION, tokens)
                else:
                    theirs = self._peers.ask(task, picture, QUESTION)
            assert ours is not None and theirs is not None
            return ours, theirs

        pairs = repeats.values(f"one picture beside {COMMAND}", once)
        self._prompt_tokens = pairs[0][0].prompt_tokens
        self._say_what_differs(pairs)
        self._cold_rows(pairs)

    def _say_what_differs(self, pairs: Sequence[Pair]) -> None:
        ours, theirs = pairs[0]
        if abs(ours.prompt_tokens - theirs.prompt_tokens) > 8:  # the template's words may differ by a few
            self.notes.append(
                f"the prompts are not the same: smol reads {ours.prompt_tokens} tokens, {COMMAND} "
                f"{theirs.prompt_tokens}; it may cut pictures otherwise"
            )
        if abs(ours.new_tokens - theirs.new_tokens) > 1:  # the tool does not count the first, which comes of the prompt
            self.notes.append(
                f"the answers are not as long: smol writes {ours.new_tokens} tokens, {COMMAND} {theirs.new_tokens}"
            )

    def _cold_rows(self, pairs: Sequence[Pair]) -> None:
        name = "one picture, cold"
        self.rows.append(measured(name, "s", [ours.seconds for ours, _ in pairs]))
        self.rows.append(measured(name, "s", [theirs.seconds for _, theirs in pairs], tool=COMMAND))
        self._ratio(name, [theirs.seconds / ours.seconds for ours, theirs in pairs])
        self._ratio("encode", [(theirs.encode_s or 0) / max(ours.encode_s, 1e-9) for ours, theirs in pairs])
        self._ratio("prefill", [_rate(ours, True) / _rate(theirs, True) for ours, theirs in pairs])
        self._ratio("decode", [_rate(ours, False) / _rate(theirs, False) for ours, theirs in pairs])
        if all(ours.peak_bytes and theirs.peak_bytes for ours, theirs in pairs):
            self.rows.append(measured("peak memory", "MB", [ours.peak_bytes / MB for ours, _ in pairs]))
            self.rows.append(
                measured("peak memory", "MB", [theirs.peak_bytes / MB for _, theirs in pairs], tool=COMMAND)
            )
            self._ratio("memory", [theirs.peak_bytes / ours.peak_bytes for ours, theirs in pairs])

    def _ratio(self, name: str, values: Sequence[float]) -> None:
        self.rows.append(ratio(name, COMMAND, values))

    # ---- many pictures, with everything loaded

    def _served(self, repeats: Repeats, width: int) -> None:
        tokens, options = self._amount.tokens, replace(self._options, parallel=width)
        with Reader(self._pair, options, None, RunOptions()) as reader:
            context = self._room(reader, tokens)
            with self._peers.serve(self._task(context), width) as server:

                def theirs() -> float:
                    files = self._pictures.more(width)
                    start = time.perf_counter()
                    server.ask_all(files, QUESTION)
                    return width / (time.perf_counter() - start)

                def once(number: int) -> tuple[float, float]:
                    if number % 2:
                        their = theirs()
                        return examples_per_s(reader, self._pictures.more(width), tokens), their
                    our = examples_per_s(reader, self._pictures.more(width), tokens)
                    return our, theirs()

                server.ask(self._pictures.more(1)[0], QUESTION)  # both are warm
                examples_per_s(reader, self._pictures.more(1), tokens)
                pairs = repeats.values(f"examples beside {SERVER}, {width} at a time", once)
        self.rows.append(measured("examples", "examples/s", [their for _, their in pairs], width, SERVER))
        self.rows.append(ratio("examples", SERVER, [our / their for our, their in pairs], at=width))

    def _room(self, reader: Reader, tokens: int) -> int:
        """The context that one conversation of a server needs: prompt, answer and some."""
        shown = self._prompt_tokens or reader.engine.context_tokens - tokens - _SPARE_TOKENS
        return min(reader.engine.context_tokens, shown + tokens + _SPARE_TOKENS)


def _device_words(device: str) -> list[str]:
    """What a peer is told to compute on the same device."""
    if device == "cpu":
        return ["--device", "none", "--no-mmproj-offload"]
    return [word for each in devices() if device == device_word(each) for word in ("--device", each.name)]


def _rate(answer: ColdAnswer | PeerAnswer, prompt: bool) -> float:
    """Tokens per second, of the prompt or of the answer, whose first token comes of the prompt; the tool knows that."""
    if prompt:
        return answer.prompt_tokens / max(answer.prefill_s, 1e-9)
    return (answer.new_tokens - isinstance(answer, ColdAnswer)) / max(answer.decode_s, 1e-9)
