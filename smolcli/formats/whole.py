"""What every writer has in common that writes answers whole, and nothing but answers."""

from __future__ import annotations

from smolcli.files import Target
from smolcli.jobs import Failure


class WholeWriter:
    """Answers in, each of them written when it is finished; those that follow say how."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._begun = False  # something was written

    def piece(self, text: str) -> None:
        """An answer is written whole."""

    def failure(self, failure: Failure) -> bool:
        """Whether it was written: there is no place for it."""
        return False

    def broke_off(self) -> None:
        """Nothing was begun that has to be ended."""

    def finish(self) -> None:
        """Answers have no end of their own."""
