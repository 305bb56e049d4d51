"""How the answers of a command are told apart, whatever they are written as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smolcli.jobs import Answer


@dataclass(frozen=True, slots=True)
class Form:
    """How a command prints: a heading before each answer, or lines that begin with columns made of it; or plainly.

    questions: how many are asked of each input. names: of the columns. between: what stands between answers as text,
    such as a form feed.
    """

    heading: Callable[[Answer], str] | None = None
    columns: Callable[[Answer], tuple[str, ...]] | None = None
    questions: int = 1
    names: tuple[str, ...] = ("place", "question")
    between: str = ""

    @property
    def usual_format(self) -> str:
        """The format that the command prints in where none is asked for."""
        return "tsv" if self.columns is not None else "text"

    def title(self) -> Callable[[Answer], str] | None:
        """What stands above an answer as text: its heading, or its columns; None where answers are printed plainly."""
        columns = self.columns
        if self.heading is not None or columns is None:
            return self.heading
        return lambda answer: ", ".join(columns(answer))

    def cells(self, answer: Answer) -> tuple[str, ...]:
        """The columns of an answer; its places, and its question where there are several, if the form has none."""
        if self.columns is not None:
            return self.columns(answer)
        places = " ".join(place.uri for place in answer.job.places)
        return (places, answer.question) if self.questions > 1 else (places,)


PLAIN = Form()
