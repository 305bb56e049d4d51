"""A grammar (GBNF) and the tokens of an answer go in; which tokens may come next comes out. And JSON Schema → GBNF.

llama.cpp aborts the process where it is handed a token that its grammar does not allow, where a grammar is nested very
deeply, and it takes an empty grammar for none: all three are refused here.
"""

from __future__ import annotations

import ctypes
import re
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from smolcli.engine.batching import Ids
from smolcli.engine.llama.library import bindings, last_error, schema_to_gbnf
from smolcli.errors import EngineError, UsageError

MOST_CHARACTERS = 1 << 18  # of a grammar
MOST_NESTED = 64  # brackets in brackets: llama.cpp's parser calls itself for each
_CHARACTER = r'char ::= [^"\\\x7F\x00-\x1F] | "\\" ["\\/bfnrt]'
_OPTIONAL = re.compile(r"\(([\w-]+)(?: \(\1)+((?:\)\?){2,})")  # what may come so many times or fewer
_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data


class Grammar:
    """Owner of one grammar sampler of llama.cpp: where one answer stands in it. Its methods run in one thread.

    vocabulary: the handle of the model's; None for a grammar that is only to be checked.
    """

    def __init__(self, vocabulary: Any, text: str) -> None:
        _check(text)
        self._llama, _ = bindings()
        handle = self._llama.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
        if not handle:
            raise UsageError(f"The grammar cannot be read.{last_error()}", "It has to be GBNF, with a rule `root`.")
        self._handle = handle
        self._free = weakref.finalize(self, self._llama.llama_sampler_free, handle)

    def allowed(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of these tokens may come next; one that ends the answer may where the grammar is complete."""
        if not self._free.alive:
            raise EngineError("The grammar of an answer was used after its end.")
        data = np.zeros(len(ids), _TOKEN_DATA)
        data["id"] = ids
        pointer = data.ctypes.data_as(ctypes.POINTER(self._llama.llama_token_data))
        candidates = self._llama.llama_token_data_array(pointer, len(ids), -1, False)
        self._llama.llama_sampler_apply(self._handle, ctypes.byref(candidates))
        found: npt.NDArray[np.bool_] = data["logit"] == 0  # what is not allowed is set to -inf
        return found

    def accept(self, token: int) -> None:
        """The answer goes on with this token, which must be allowed."""
        if not self.allowed(np.array([token], np.int32))[0]:
            raise EngineError("A token was chosen that the grammar does not allow.")
        self._llama.llama_sampler_accept(self._handle, token)

    def close(self) -> None:
        """Free it; safe to call twice."""
        self._free()


def check_grammar(text: str) -> None:
    """Raises UsageError for a grammar that cannot be read. No model is needed."""
    Grammar(None, text).close()


def grammar_of_schema(schema: str) -> str:
    """A JSON Schema as JSON text → GBNF, by the binding's own converter, which fetches nothing.

    Of its strings three things are mended: they may hold no control characters, which JSON does not allow, and no \\u,
    with which half of a character can be written; and lengths are counted, where it writes a bracket for each letter.
    Raises UsageError for what the converter does not know.
    """
    try:
        return _mended(schema_to_gbnf(schema))
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        reason = str(error)[:200] or type(error).__name__
        raise UsageError(f"The schema cannot be made a grammar: {reason}.", "Make it simpler.") from error


def _mended(gbnf: str) -> str:
    lines = (_CHARACTER if line.startswith("char ::=") else _OPTIONAL.sub(_counted, line) for line in gbnf.split("\n"))
    return "\n".join(re.sub(r" space$", "", line) if line.startswith("root ::=") else line for line in lines)


def _counted(found: re.Match[str]) -> str:
    """ "(char (char (char)?)?)?" as "char{0,3}"; what is nested otherwise stays."""
    opened, closed = found[0].count(f"({found[1]}"), len(found[2]) // len(")?")
    return f"{found[1]}{{0,{opened}}}" if opened == closed else found[0]


def _check(text: str) -> None:
    """Raises UsageError for what llama.cpp would not survive."""
    nested = deepest = 0
    for character in text:
        nested += (character == "(") - (character == ")")
        deepest = max(deepest, nested)
    if not text.strip() or len(text) > MOST_CHARACTERS or deepest > MOST_NESTED or "\0" in text:
        raise UsageError(
            f"A grammar of {len(text)} characters with {deepest} brackets in one another cannot be used.",
            f"At most {MOST_CHARACTERS} and {MOST_NESTED} are taken.",
        )
