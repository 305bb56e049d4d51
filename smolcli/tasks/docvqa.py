"""One document, one answer per page, in the order of the pages."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from smolcli.datatypes import Answer
from smolcli.engine import Engine
from smolcli.media import Media
from smolcli.tasks.answering import Event, ask_engine
from smolcli.tasks.pages import ask_pages
from smolcli.tasks.planning import RequestPlan, Style


def docvqa(engine: Engine, media: Media, plans: Sequence[RequestPlan], question: str, style: Style) -> Generator[Event]:
    """Ask each page the same question; answers come page by page, even when several pages are read at once."""
    return _in_order(ask_engine(engine, ask_pages(media, plans, question, style)))


def _in_order(events: Iterator[Event]) -> Generator[Event]:
    """Hold back answers that finished before an earlier page's."""
    ready: dict[int, Answer] = {}
    due = 0
    for event in events:
        if not isinstance(event, Answer):
            yield event
            continue
        ready[event.generation.key] = event
        while due in ready:
            yield ready.pop(due)
            due += 1
