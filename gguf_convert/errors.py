"""What can go wrong. Each class owns its exit code; each error is one sentence and, where there is one, the way out.

ConvertError
├── OptionError           2   an option that makes no sense
├── NotACheckpointError   3   not readable as a checkpoint, or no GGUF file
├── NotOfFamilyError      4   another architecture, a damaged checkpoint, or a pair that does not fit
├── CannotWriteError      6   cannot write, the file exists, or the disk is full
└── QuantizerError        7   llama.cpp's quantizer is missing or failed
"""

from __future__ import annotations

LONGEST_CHARS = 600  # a file may call itself anything


class ConvertError(Exception):
    """Base of all errors that a user may meet. `hint` says what to type or do next."""

    exit_code = 7

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = _one_line(message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class OptionError(ConvertError):
    """An option's value is unknown, or two contradict each other."""

    exit_code = 2


class NotACheckpointError(ConvertError):
    """The input is missing, cut off, or not in the format its name promises."""

    exit_code = 4


class NotOfFamilyError(ConvertError):
    """The input can be read, but is not a complete model of the SmolVLM / Idefics3 family."""

    exit_code = 4


class CannotWriteError(ConvertError):
    """The output cannot be written, or exists already."""

    exit_code = 6


class QuantizerError(ConvertError):
    """llama.cpp's quantizer is not installed, or refused the file."""

    exit_code = 7


def _one_line(text: str) -> str:
    """A sentence that quotes a file: no character of it moves the cursor, and it has an end."""
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return safe if len(safe) <= LONGEST_CHARS else f"{safe[: LONGEST_CHARS // 2]} … {safe[-LONGEST_CHARS // 2 :]}"
