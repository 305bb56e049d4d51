"""The error tree. Each class owns its exit code; each error is one sentence and, where there is one, the way out.

    SmolError
    ├── SomeInputsFailedError 1   answers of the others are on stdout
    ├── UsageError           2   the command line
    ├── MediaError           3   unreadable, missing or unsupported input
    │   └── EncryptedError   8   a document that wants a password
    ├── ModelError           4   model missing, damaged or not of the family
    ├── DoesNotFitError      5   more tokens than the context holds
    ├── OutputError          6   cannot write, or the file exists
    │   └── ReaderGoneError 141  a closed pipe: nothing is said about it
    ├── EngineError          7   llama.cpp failed
    └── TookTooLongError     9   more seconds than --page-timeout allows

Ctrl-C is 130, TERM 143, HUP 129 and a closed pipe 141, as a shell reports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

BROKEN_PIPE = 141


class SmolError(Exception):
    """Base of all errors that a user may meet. `hint` says what to type or do next.

    part: which of a request's places it is about, from 0; None for the request as a whole.
    """

    exit_code = 7
    part: int | None = None

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@contextmanager
def about_part(number: int) -> Iterator[None]:
    """An error that is raised in here is about this place of its request."""
    try:
        yield
    except SmolError as error:
        error.part = number
        raise


class SomeInputsFailedError(SmolError):
    """Some inputs failed; each was reported when it did, and the answers of the others are on stdout."""

    exit_code = 1


class UsageError(SmolError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class MediaError(SmolError):
    """An input is missing, unreadable, empty or of no kind that we read."""

    exit_code = 3


class EncryptedError(MediaError):
    """A document is encrypted and no password, or a wrong one, was given."""

    exit_code = 8


class ModelError(SmolError):
    """A model file is missing, damaged, of another family, or does not fit its partner."""

    exit_code = 4


class DoesNotFitError(SmolError):
    """The request needs more tokens than the context holds."""

    exit_code = 5


class OutputError(SmolError):
    """The output cannot be written, or exists already."""

    exit_code = 6


class ReaderGoneError(OutputError):
    """Whoever read our output has closed the pipe (`| head -1`)."""

    exit_code = BROKEN_PIPE

    def __init__(self) -> None:
        super().__init__("")


class EngineError(SmolError):
    """llama.cpp failed in a way that is not the model file's fault."""

    exit_code = 7


class TookTooLongError(SmolError):
    """One page, picture or clip took longer than the user allows."""

    exit_code = 9
