"""Documents, one after another: a Job per page and question, in the order of the pages."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from smolcli.jobs import Answer, Expected
from smolcli.run import Access, Event, Item, OpenFiles, PageTexts, passed_on
from smolcli.verbs.choosing import confidence_of, says_nothing
from smolcli.verbs.pages import each_file, each_picture
from smolcli.verbs.template import Template

if TYPE_CHECKING:
    from smolcli.media import Found

SURE = 0.6  # mean probability of a token: a text that is worth looking for words in


def keeping_texts(events: Generator[Event], texts: PageTexts) -> Generator[Event]:
    """The same events; what pages were written out as is kept where nothing better is known, and it is sure enough."""

    def kept(event: Event) -> Iterator[Event]:
        if isinstance(event, Answer) and confidence_of(event) >= SURE and not says_nothing(event):
            place = event.job.places[0]
            if not texts.get(place):
                texts.keep(place, event.text)
        yield event

    return passed_on(events, kept)


def docvqa(files: OpenFiles, found: Iterable[Found], template: Template, access: Access) -> Iterator[Item]:
    """Ask each page the same questions. A page or a file that cannot be read is a Failure, and the others go on.

    found: paths, or what a search of folders gives.
    """
    if isinstance(found, Sequence):
        yield Expected(len(found) * len(template.questions))
        access = replace(access, several=access.several or len(found) > 1)
    asked = len(template.questions)
    yield from each_file(found, lambda path: each_picture(files, path, template, access), asked)
