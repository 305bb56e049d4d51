"""Files go in, what each of their pages says comes out, in the order of the files.

ocr = Ocr(files, found, template, access, how)
for event in ocr.pages(reader.stream(ocr.jobs())): ...
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Place
from smolcli.errors import SmolError
from smolcli.generation import Generation
from smolcli.jobs import Answer, Expected, Job, failure
from smolcli.media import Found, Media, TextLayer
from smolcli.regions import PageReading, page_text
from smolcli.run import Access, Event, Item, OpenFiles, PageTexts
from smolcli.verbs.ocr.joining import guessed_left_out, weeded
from smolcli.verbs.ocr.page import read_page
from smolcli.verbs.ocr.sheets import Form
from smolcli.verbs.ocr.summary import DOUBTFUL, Summary
from smolcli.verbs.ocr.view import View
from smolcli.verbs.pages import each_file, held_pages
from smolcli.verbs.stepwise import AT_ONCE, Outcome, Steps, Stepwise, Task, noting, spent
from smolcli.verbs.template import Template


@dataclass(frozen=True, slots=True)
class How:
    """How pages are read. model: its name, for the answers. layers: which text layers of pages stand for them.

    "any"; "sound": those that can be trusted; "seen": only what is seen of them, not what another OCR left; "none".
    least: lines of which the model was less sure are marked, or left out (drop). texts: keeps what pages say. engines:
    how many read at the same time.
    """

    form: Form
    model: str
    layers: str = "sound"
    least: float = 0.0
    drop: bool = False
    texts: PageTexts | None = None
    engines: int = 1


class Ocr:
    """Reads the pages of files. summary: of those that were said."""

    def __init__(self, files: OpenFiles, found: Iterable[Found], template: Template, access: Access, how: How) -> None:
        self._files, self._found, self._template, self._access, self._how = files, found, template, access, how
        self._work = Stepwise(files, AT_ONCE * how.engines)
        self.summary = Summary()

    def jobs(self) -> Iterator[Item]:
        """Everything that has to be asked."""
        return self._work.jobs(self._tasks())

    def pages(self, events: Generator[Event]) -> Generator[Event]:
        """What a run of `jobs` comes to: an answer or a failure a page, and everything that is about no page."""
        return self._work.results(events, self.summary.add)

    def _tasks(self) -> Iterator[Task | Outcome | Expected]:
        return each_file(self._found, self._file)

    def _file(self, path: str) -> Iterator[Task | Outcome | Expected]:
        try:
            with held_pages(self._files, path, self._template.look, self._access) as media:
                yield Expected(len(media.places) - 1)
                for place in media.places:
                    yield self._page(media, place)
        except SmolError as error:
            yield failure(path, error)

    def _page(self, media: Media, place: Place) -> Task | Outcome:
        """A page: its text layer stands for it, or the model reads it, or both, each its part of it."""
        job = Job((place,), self._template.questions[0], self._template.look, self._template.sampling)
        warnings: tuple[str, ...] = ()
        try:
            layer = media.layer(place) if self._how.layers != "none" else None
            if layer is not None and self._how.layers == "any":
                layer = replace(layer, regions=layer.regions or layer.hidden, pictures=())
            own = layer if layer is not None and self._stands(layer) else None
            if layer is not None and own is None and layer.fault:
                where = f"{place.label} of {media.source.path}"
                warnings = (f"The text layer of {where} {layer.fault}: it is not used.",)
            if own is not None and not own.pictures:
                return self._answer(job, own.reading(media.outline(place).size_px), (), warnings)
            warnings += media.outline(place).warnings
        except SmolError as error:
            return failure(place.source.path, error, place)
        return Task(job, self._steps(View(self._files, place, self._template, self._how.form, own), job, warnings))

    def _stands(self, layer: TextLayer) -> bool:
        """Whether what is seen of a layer can stand for the page's text."""
        return self._how.layers == "any" or (layer.is_sound and (self._how.layers == "sound" or bool(layer.regions)))

    def _steps(self, view: View, job: Job, warnings: tuple[str, ...]) -> Steps:
        """Read a page with the model."""
        made: list[Answer] = []
        read, odd = yield from noting(read_page(view), made)
        odd = (*odd, *view.warnings)
        sure = read.confidence
        if sure is not None and sure < self._how.form.believable:
            odd = (*odd, self._unread(job.places[0], sure))
            read = replace(read, regions=guessed_left_out(read.regions))
        if self._how.texts is not None and (read.confidence or 0.0) >= DOUBTFUL:
            self._how.texts.keep(view.place, page_text(read))
        read = replace(read, regions=weeded(read.regions, self._how.least, self._how.drop))
        return [self._answer(job, read, made, (*warnings, *odd))]

    def _unread(self, place: Place, sure: float) -> str:
        """The sentence about a page that is in no script that the model reads."""
        return (
            f"{place.label} of {place.source.path} is perhaps in a script or a hand that {self._how.model} does not "
            f"read (confidence {sure:.2f}): its text is left out. Another model may read it (-m)."
        )

    def _answer(self, job: Job, reading: PageReading, made: Sequence[Answer], warnings: tuple[str, ...]) -> Answer:
        """What a page was read as, with what it took."""
        generations = [answer.generation for answer in made]
        tokens = sum(each.counts.new_tokens for each in generations)
        logprob = sum((each.mean_logprob or 0.0) * each.counts.new_tokens for each in generations)
        cut = [each.stop_reason for each in generations if each.stop_reason != "end"]
        whole = Generation(
            0,
            page_text(reading),
            cut[0] if cut else "end",
            *spent(made),
            logprob / tokens if tokens else None,
        )
        warnings = tuple(dict.fromkeys((*warnings, *(each for answer in made for each in answer.warnings))))
        cached = bool(made) and all(answer.cached for answer in made)
        return Answer(job, (job.places,), self._how.model, whole, warnings, cached, page=reading)
