"""Many files, one caption for each picture in them; a file that cannot be read is a Failure and the rest go on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import count

from smolcli.datatypes import Failure
from smolcli.engine import Engine
from smolcli.errors import SmolError
from smolcli.media import MediaOptions, open_media
from smolcli.tasks.answering import Asked, Event, ask_engine, failure
from smolcli.tasks.pages import ask_pages, plan_pages
from smolcli.tasks.planning import RequestPlan, Style


def caption(
    engine: Engine,
    paths: Iterable[str | Failure],
    options: MediaOptions,
    style: Style,
    show: Callable[[RequestPlan], None],
) -> Generator[Event]:
    """One answer per picture, as each is finished; several are read at once when the engine is parallel.

    `show` gets the plan of each picture before it is rendered.
    """
    keys = count()

    def asked() -> Iterator[Asked | Failure]:
        for path in paths:
            if isinstance(path, Failure):
                yield path
                continue
            try:
                with open_media(path, options) as media:
                    plans = list(plan_pages(engine, media, style.prompt.default_question, style))
                    for plan in plans:
                        show(plan)
                    yield from ask_pages(media, plans, style.prompt.default_question, style, keys)
            except SmolError as error:
                yield failure(path, error)

    return ask_engine(engine, asked())
