"""An opened model goes in, what it makes of pages with known text comes out, form by form; and the form that is best.

for trial in trials(reader, 3): ...
best(trials)
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.checks.known_pages import DPI, KnownPage, known_page
from smolcli.datatypes import ModelFacts
from smolcli.errors import EngineError
from smolcli.jobs import Answer, Failure, Look
from smolcli.media import find_pages
from smolcli.reader import Reader
from smolcli.run import Access
from smolcli.tuned import Tuned
from smolcli.verbs import Form, How, Ocr, Template

PAGES = 3
LETTERS_PX = (22.0, 26.0, 30.0)  # on a sheet of lines: the sizes at which SigLIP's patches hold a letter or two
PITCH = 2.3  # letter sizes from a row of a sheet to the next, as on the pages that the built-in model learnt from
SPARE_TOKENS = 64  # an answer with so many more tokens than the page has letters is wrong whatever it goes on to say
AS_GOOD = 0.005  # error rates that differ by less on so few pages are equal


@dataclass(frozen=True, slots=True)
class Trial:
    """A form in which pages were read. errors: characters wrong, as a share of those that were drawn (CER).

    seconds: of a page, by the clock. failed: why there is no reading, "" where there is one.
    """

    form: Form
    errors: float
    seconds: float
    failed: str = ""

    @property
    def tuned(self) -> Tuned:
        """As it is kept."""
        return Tuned(self.form.layout, self.form.rows, self.form.letter_px, self.errors, self.seconds)


def forms(facts: ModelFacts, nothing: str = "") -> Iterator[Form]:
    """Every form that is tried, the quickest first. nothing: what the model says of a picture without text."""
    for letter_px in LETTERS_PX:
        rows = max(1, int((facts.tile_px - 16) / (PITCH * letter_px)))
        yield Form("lines", facts.tile_px, rows, letter_px, nothing)
    yield Form("blocks", facts.tile_px, nothing=nothing)
    yield Form("page", facts.tile_px, nothing=nothing)


def trials(reader: Reader, template: Template, nothing: str = "", pages: int = PAGES) -> Iterator[Trial]:
    """Read the same pages in every form. Raises EngineError, ModelError."""
    drawn = [known_page(number) for number in range(pages)]
    longest = max(len(page.text) for page in drawn) + SPARE_TOKENS
    most = min(longest, template.sampling.max_tokens or longest)
    template = replace(template, look=Look(dpi=DPI), sampling=replace(template.sampling, max_tokens=most))
    with tempfile.TemporaryDirectory(prefix="smol-tune-") as folder:
        files = [str(Path(folder) / f"{number}.png") for number in range(pages)]
        for file, page in zip(files, drawn, strict=True):
            Path(file).write_bytes(page.png)
        for form in forms(reader.facts, nothing):
            yield _trial(reader, template, form, list(zip(files, drawn, strict=True)))


def _trial(reader: Reader, template: Template, form: Form, pages: Sequence[tuple[str, KnownPage]]) -> Trial:
    found = find_pages([file for file, _ in pages], False)
    ocr = Ocr(reader.files, found, template, Access(several=True), How(form, reader.facts.name, "none"))
    start = time.perf_counter()
    events = [event for event in ocr.pages(reader.stream(ocr.jobs())) if isinstance(event, Answer | Failure)]
    seconds = (time.perf_counter() - start) / len(pages)
    failed = next((event.message for event in events if isinstance(event, Failure)), "")
    if failed:
        return Trial(form, 1.0, seconds, failed)
    shares = [
        character_errors(page.text, event.text)
        for event, (_, page) in zip(events, pages, strict=True)
        if isinstance(event, Answer)
    ]
    return Trial(form, sum(shares) / len(shares), seconds)


def best(tried: Sequence[Trial]) -> Trial:
    """The one of fewest errors; of those that are as good, the quickest. Raises EngineError where none has read."""
    read = [trial for trial in tried if not trial.failed]
    if not read:
        raise EngineError(f"No page could be read: {tried[0].failed}", "See: smol doctor")
    least = min(trial.errors for trial in read)
    return min((trial for trial in read if trial.errors <= least + AS_GOOD), key=lambda trial: trial.seconds)


def character_errors(want: str, got: str) -> float:
    """How many characters have to be changed, left out or put in to make one text the other, as a share of `want`.

    White space of any length is one space.
    """
    want, got = " ".join(want.split()), " ".join(got.split())
    if not want:
        return float(bool(got))
    before = list(range(len(got) + 1))
    for row, letter in enumerate(want, 1):
        now = [row]
        for column, other in enumerate(got, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (letter != other)))
        before = now
    return before[-1] / len(want)
