"""Answers about pages go in, they come out with the places where they stand: a page, and the box of each line.

The lines are those of the page's own text where it is sound, else those that the model reads. An answer that stands
there all but letter by letter is given as it stands there: a page's own text has no misread letters.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from smolcli.datatypes import RGB, Place, Size
from smolcli.errors import MediaError
from smolcli.jobs import Answer, Job
from smolcli.media import Media, TextLayer
from smolcli.regions import PageReading
from smolcli.run import Access, OpenFiles
from smolcli.verbs.choosing import confidence_of
from smolcli.verbs.docvqa.matching import Found, find_answer
from smolcli.verbs.stepwise import Outcome, StepError, noting
from smolcli.verbs.template import Template

if TYPE_CHECKING:
    from smolcli.verbs.ocr import Form


class MarkedFile(Protocol):
    """Where the pictures about one file go."""

    def write(self, number: int, answer: Answer, rgb: RGB, beside: str = "") -> None:
        """The page (uint8 RGB) that answers a question, by its number, with its places marked. Raises OutputError.

        beside: what another page is called that has a part of the answer.
        """


Marks = Callable[[str, int | None], MarkedFile]  # of a file by its name, or of one page of it


@dataclass(frozen=True, slots=True)
class Evidence:
    """How the place of an answer is found. template: what the parts of a page are asked when its lines are read, and
    at what resolution; form: how the model reads pages, None where it is not to read any for that. marks: where pages
    go with the places marked, None where they are not wanted.
    """

    template: Template
    form: Form | None = None
    marks: Marks | None = None


@dataclass(slots=True)
class Pages:
    """The pages of one document: what their lines say, each read once; a second opening, made when it is needed.

    marked: where their pictures go. made: what was answered to read them, for its owner to empty. small_scans: some
    pages have no text of their own, and print that is too small for the model to see on the whole page.
    """

    files: OpenFiles
    media: Media
    access: Access
    evidence: Evidence
    stack: ExitStack
    marked: MarkedFile | None = None
    made: list[Answer] = field(default_factory=list)
    small_scans: bool = False
    _read: dict[Place, PageReading] = field(default_factory=dict)
    _large: Media | None = None

    def located(
        self, answer: Answer, number: int, parts: Sequence[Answer] = ()
    ) -> Generator[list[Job], Sequence[Outcome], Answer]:
        """The answer to a question (by its number) with its evidence, as far as there is any. Raises OutputError.

        parts: of one that several pages gave, what each of them gave, its own page first.
        """
        places, notes = list[Place](), dict.fromkeys(answer.warnings)
        for part in parts or (answer,):
            found = yield from self._stands(replace(part, evidence=(), warnings=()))
            page = part.job.places[0]
            if answer.data is None:
                answer = replace(answer, generation=found.generation)
            found = self._mark(found, number, "" if page == answer.job.places[0] else page.label)
            places += found.evidence
            notes |= dict.fromkeys(found.warnings)
        return replace(answer, evidence=tuple(places), warnings=tuple(notes))

    def _stands(self, answer: Answer) -> Generator[list[Job], Sequence[Outcome], Answer]:
        """The answer with the places on its page where it stands, in the words that stand there."""
        place = answer.job.places[0]
        try:
            layer = self._layer(place)
            found = _found(answer, layer.reading(self.media.outline(place).size_px)) if layer is not None else []
            if not found and self.evidence.form is not None and (layer is None or layer.pictures):
                found = _found(answer, (yield from self._reading(place, layer)))
        except StepError as error:
            return _warned(answer, f"The lines of {place.label} could not be read ({error.failure.message}).")
        except MediaError as error:
            return _warned(answer, f"The lines of {place.label} could not be read ({error.message}).")
        boxes = dict.fromkeys(line.box for each in found for line in each.lines)
        return _as_printed(replace(answer, evidence=tuple(replace(place, box=box) for box in boxes)), found)

    def known(self, place: Place) -> Iterator[PageReading]:
        """What a page says of its own, with its lines, where that is known without the model. Raises MediaError."""
        if (layer := self._layer(place)) is not None:
            yield layer.reading(self.media.outline(place).size_px)

    def page(self, place: Place) -> Generator[list[Job], Sequence[Outcome], PageReading | None]:
        """What a page says as the model reads it, beside what it says of its own; None where nothing is to be read.

        Raises StepError, MediaError.
        """
        layer = self._layer(place)
        if self.evidence.form is None or (layer is not None and not layer.pictures):
            return None
        return (yield from self._reading(place, layer))

    def letters_share(self, place: Place) -> float:
        """How high the letters are of most of what is printed on a page, in shares of its longer side."""
        from smolcli.layout import find_layout

        self._open()
        rgb = self.files.straight(place, self.evidence.template.look).rgb
        return float(find_layout(rgb).em_px / max(rgb.shape))

    def upright_px(self, place: Place, turn: int) -> Size:
        """The size at which the lines of a page are looked at, when it is turned by so many degrees."""
        size_px = self._open().outline(place).size_px
        return size_px[::-1] if turn % 180 else size_px

    def _layer(self, place: Place) -> TextLayer | None:
        layer = self.media.layer(place)
        return layer if layer is not None and layer.is_sound and layer.regions else None

    def _reading(self, place: Place, layer: TextLayer | None) -> Generator[list[Job], Sequence[Outcome], PageReading]:
        """The page as the model reads it."""
        from smolcli.verbs.ocr.page import read_page
        from smolcli.verbs.ocr.view import View

        if place not in self._read:
            assert self.evidence.form is not None
            self._open()
            view = View(self.files, place, self.evidence.template, self.evidence.form, layer)
            self._read[place], _ = yield from noting(read_page(view), self.made)
        return self._read[place]

    def _open(self) -> Media:
        """The document at the resolution at which lines are read."""
        if self._large is None:
            path, access = self.media.source.path, replace(self.access, several=True)
            self._large = self.stack.enter_context(self.files.hold(path, self.evidence.template.look, access))
        return self._large

    def _mark(self, answer: Answer, number: int, beside: str) -> Answer:
        """beside: a page that is marked besides the one of the answer, "" for that one."""
        place = answer.job.places[0]
        if self.marked is None:
            return answer
        if not answer.evidence:
            return _warned(answer, f"Where {answer.text!r} stands on {place.label} was not found: nothing is marked.")
        self._open()
        page = self.files.straight(place, self.evidence.template.look)
        self.marked.write(number, answer, page.rgb, beside)
        return answer


def _warned(answer: Answer, sentence: str) -> Answer:
    return replace(answer, warnings=(*answer.warnings, sentence))


def _found(answer: Answer, reading: PageReading) -> list[Found]:
    """Where an answer stands on a page, or the values that it is made of."""
    if answer.choices is not None:
        return []
    if answer.data is None:
        found = [find_answer(reading, answer.text, answer.question)]
    else:
        found = [find_answer(reading, value, name) for name, value in _values(answer.data)]
    return [each for each in found if each is not None]


def _as_printed(answer: Answer, found: Sequence[Found]) -> Answer:
    """A text as it stands on its page, where the page's own text is known, or its line was read more surely."""
    printed = found[0].printed if answer.data is None and found else ""
    if not printed or printed == answer.text.strip().rstrip(".") or abs(_digits(printed) - _digits(answer.text)) > 1:
        return answer
    line = found[0].lines[0]
    if line.confidence is not None and line.confidence <= confidence_of(answer):
        return answer
    made = replace(answer.generation, text=printed)
    if found[0].likeness == 1.0:
        return replace(answer, generation=made)
    sentence = f"{answer.text!r} is what was read; {printed!r} stands there ({answer.job.places[0].label})."
    return _warned(replace(answer, generation=made), sentence)


def _digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)


def _values(data: object, name: str = "") -> Iterator[tuple[str, str]]:
    """(name, text) of everything in parsed data that stands on a page."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _values(value, str(key).replace("_", " "))
    elif isinstance(data, list):
        for value in data:
            yield from _values(value, name)
    elif data is not None and not isinstance(data, bool):
        yield name, str(data)
