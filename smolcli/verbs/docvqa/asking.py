"""Files and questions go in, one answer to each question about each document comes out, in the order of the files.

asking = DocumentQuestions(files, found, template, access, search)
for event in asking.answers(reader.stream(asking.jobs())): ...
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack

from smolcli.datatypes import Place
from smolcli.errors import SmolError
from smolcli.jobs import Expected, Job, failure
from smolcli.media import Found, Media
from smolcli.run import Access, Event, Item, OpenFiles
from smolcli.verbs.docvqa.document import Search, ask_document
from smolcli.verbs.docvqa.evidence import Pages
from smolcli.verbs.pages import each_file, held_pages
from smolcli.verbs.stepwise import AT_ONCE, Outcome, Stepwise, Task
from smolcli.verbs.template import Template


class DocumentQuestions:
    """Asks documents. most_pages: of the longest document so far."""

    def __init__(
        self,
        files: OpenFiles,
        found: Iterable[Found],
        template: Template,
        access: Access,
        search: Search,
    ) -> None:
        self._files, self._found, self._template, self._access, self._search = files, found, template, access, search
        self._work = Stepwise(files, max(AT_ONCE, search.at_once))
        self.most_pages = 0

    def jobs(self) -> Iterator[Item]:
        """Everything that has to be asked."""
        return self._work.jobs(self._tasks())

    def answers(self, events: Generator[Event]) -> Generator[Event]:
        """What a run of `jobs` comes to: an answer a document (or page) and question, the failures, and all else."""
        return self._work.results(events, lambda outcome: None)

    def _tasks(self) -> Iterator[Task | Outcome | Expected]:
        return each_file(self._found, self._file, len(self._template.questions))

    def _file(self, path: str) -> Iterator[Task | Outcome | Expected]:
        try:
            with held_pages(self._files, path, self._template.look, self._access) as media:
                places = media.places
                self.most_pages = max(self.most_pages, len(places))
                if not self._search.each:
                    yield self._task(media, places, Place(media.source))
                    return
                yield Expected((len(places) - 1) * len(self._template.questions))
                for place in places:
                    yield self._task(media, [place], place)
        except SmolError as error:
            yield failure(path, error)

    def _task(self, media: Media, places: Sequence[Place], whole: Place) -> Task:
        """The questions about some pages of a file. whole: what fails where they fail together."""
        job = Job((whole,), self._template.questions[0], self._template.look, self._template.sampling)
        evidence = self._search.evidence
        marked = evidence.marks(media.source.path, whole.page) if evidence.marks is not None else None
        pages = Pages(self._files, media, self._access, evidence, ExitStack(), marked)
        return Task(job, ask_document(pages, places, self._template, self._search))
