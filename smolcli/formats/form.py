"""How the answers of a command are told apart, whatever they are written as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smolcli.datatypes import RGB, Place
from smolcli.jobs import Answer

if TYPE_CHECKING:
    from smolcli.formats.pdf_opening import PdfOptions


@dataclass(frozen=True, slots=True)
class Form:
    """How a command prints: a heading before each answer, or lines that begin with columns made of it; or plainly.

    questions: how many are asked of each input. names: of the columns. between: what stands between answers as text,
    such as a form feed. untitled: text has nothing above answers, whatever there is. ranges: as text, which
    is then what the command prints, answers about windows of a clip begin with the time of it, and nothing else tells
    them apart. pdf: how a searchable PDF is made.

    What a run gives to writers that show pictures. pictures: a place's upright picture uint8 (H, W, 3), its longer edge
    at most so many pixels, a grey box where there is none to be had. duration_s: of the clip of a place, None where it
    is not known. folder: where the file lies that is written, for links out of it; None for standard output.
    """

    heading: Callable[[Answer], str] | None = None
    columns: Callable[[Answer], tuple[str, ...]] | None = None
    questions: int = 1
    names: tuple[str, ...] = ("place", "question")
    between: str = ""
    untitled: bool = False
    ranges: bool = False
    pdf: PdfOptions | None = None
    pictures: Callable[[Place, int], RGB] | None = None
    duration_s: Callable[[Place], float | None] | None = None
    folder: str | None = None

    @property
    def usual_format(self) -> str:
        """The format that the command prints in where none is asked for."""
        return "tsv" if self.columns is not None and not self.ranges else "text"

    def title(self) -> Callable[[Answer], str] | None:
        """What stands above an answer as text: its heading, or its columns; None where answers are printed plainly."""
        columns = self.columns
        if self.untitled or self.ranges:
            return None
        if self.heading is not None or columns is None:
            return self.heading
        return lambda answer: ", ".join(columns(answer))

    def within_an_input(self, several: bool) -> Form:
        """For the answers about one input: nothing stands above a single one, page and question above several."""

        def heading(answer: Answer) -> str:
            place = answer.job.places[0]
            part = [] if place.page is None and place.time_s is None else [place.label]
            return ", ".join([*part, answer.question] if self.questions > 1 or not part else part)

        return replace(self, heading=heading, untitled=not several or bool(self.between))

    def cells(self, answer: Answer) -> tuple[str, ...]:
        """The columns of an answer; its places, and its question where there are several, if the form has none."""
        if self.columns is not None:
            return self.columns(answer)
        places = " ".join(place.uri for place in answer.job.places)
        return (places, answer.question) if self.questions > 1 else (places,)


PLAIN = Form()
