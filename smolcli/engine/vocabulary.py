"""A model pair's facts and tokens: what a planner needs, and what the whole engine begins with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol, Self

from gguf_convert.names import Tokenizer
from smolcli.datatypes import ModelPair, TextPart, TilePlan, Turn
from smolcli.engine import EngineOptions
from smolcli.engine.facts import read_pair
from smolcli.engine.llama.language import LanguageModel
from smolcli.engine.llama.library import NativeThread, set_verbose
from smolcli.engine.memory import kv_row_bytes, needed_bytes
from smolcli.engine.metadata import GGUFFile
from smolcli.engine.placement import Placement, check_name
from smolcli.engine.tokens import Prompter, TokenSequence
from smolcli.errors import EngineError, UsageError


class Owned(Protocol):
    """What holds something native."""

    def close(self) -> None:
        """Free it."""


class Vocabulary:
    """Facts and tokens of a pair; the weights stay on disk, and no driver of a card is started."""

    _vocab_only = True

    def __init__(self, pair: ModelPair, options: EngineOptions) -> None:
        self._pair, self._options = pair, options
        self._language_file = GGUFFile(pair.language)
        projector = GGUFFile(pair.projector)
        self.facts, specials = read_pair(pair, self._language_file, projector)
        self.context_tokens = self._context(options.context)
        kv_bytes = self.context_tokens * kv_row_bytes(self._language_file, options.kv_type)
        self.ram_bytes, self.gpu_bytes = needed_bytes(self._language_file, projector, kv_bytes)
        set_verbose(options.verbose)
        self._owned: list[Owned] = []  # native handles, in the order in which they were made
        self._thread: NativeThread | None = NativeThread()
        try:
            self.placement = self._thread.call(self._place)
            arguments = (pair.language, self.placement.card, options.gpu_layers, self._vocab_only)
            self._model = self._thread.call(LanguageModel, *arguments)
            self._owned.append(self._model)
            template = self._language_file.get(Tokenizer.CHAT_TEMPLATE, "")
            self._prompter = Prompter(template, specials, self._model.tokenize)
        except BaseException:
            self.close()
            raise

    def _place(self) -> Placement:
        """Where it is computed. Raises UsageError for a device that no machine has."""
        check_name(self._options.device)
        return Placement()

    def _context(self, wanted: int | None) -> int:
        trained = self.facts.context_tokens
        if wanted is not None and not 64 <= wanted <= trained:
            raise UsageError(
                f"--context {wanted} is out of range: {self.facts.name} was trained with {trained} tokens.",
                f"Use 64 to {trained}, or leave it out.",
            )
        return wanted or trained

    def tokens(self, turns: Sequence[Turn], generate: bool = True) -> TokenSequence:
        """The exact id sequence of a conversation. Raises ModelError when the model's template cannot hold it."""
        self._native()
        return self._prompter.build(turns, generate)

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text: nothing is added, and no string in it becomes a special token."""
        return self._native().call(self._model.tokenize, text)

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """The ids of an answer as the model's template writes it behind a question, without what ends it."""
        asked = Turn("user", (TextPart("?"),))
        prompt = self.tokens([asked]).ids.tolist()
        whole = self.tokens([asked, Turn("assistant", (TextPart(text),))], generate=False).ids.tolist()
        if whole[: len(prompt)] != prompt:  # a template that begins an answer in a way of its own
            return tuple(self.tokenize(text))
        return tuple(takewhile(lambda token: not self._model.is_end(token), whole[len(prompt) :]))

    def image_tokens(self, plan: TilePlan) -> int:
        """How many ids one image takes, markers and line breaks included."""
        self._native()
        return self._prompter.image_tokens(plan)

    def _native(self) -> NativeThread:
        if self._thread is None:
            raise EngineError("The engine is closed.")
        return self._thread

    def close(self, wait: bool = True) -> None:
        """Free everything native, in reverse order; safe to call twice. Without `wait`, once llama.cpp lets go."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.close(self._free, wait)

    def _free(self) -> None:
        while self._owned:
            self._owned.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(
            wait=kind is None or not issubclass(kind, KeyboardInterrupt)
        )  # who presses Ctrl-C twice does not wait for a tile
