"""Files → one request per picture in them and question: the pages of a document, or the one picture of an image."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count

from smolcli.datatypes import Answer, Failure, ImagePart, Request
from smolcli.engine import Engine, Planner
from smolcli.errors import MediaError, SmolError
from smolcli.media import Media, MediaOptions, open_media
from smolcli.prompt import render
from smolcli.tasks.answering import Asked, Event, failure
from smolcli.tasks.planning import Page, RequestPlan, Style, plan_request
from smolcli.tiles import cut

Opened = Callable[[Media, Sequence[RequestPlan]], None]  # told of each file before anything of it is rendered


def plan_pages(planner: Planner, media: Media, question: str, style: Style) -> Iterator[RequestPlan]:
    """The plan of each picture's own request, in order."""
    if media.video is not None:
        raise MediaError(f"{media.source.path} is a clip, not pages.", f"Try: smol video {media.source.path}")
    for outline in media.outlines:
        yield plan_request(planner, [Page(media.source, (outline,))], question, style)


def ask_files(
    engine: Engine,
    files: Iterable[str | Media | Failure],
    options: MediaOptions,
    asked: tuple[Sequence[str], Style],
    opened: Opened,
) -> Iterator[Asked | Failure]:
    """Every question about every picture of the files, one file after another; one that cannot be read is a Failure.

    files: names, or media that are open already; what is opened here is closed here.
    """
    (questions, style), keys = asked, count()
    longest = max(questions, key=lambda question: len(engine.tokenize(question)))
    for file in files:
        if isinstance(file, Failure):
            yield file
            continue
        try:
            with open_media(file, options) if isinstance(file, str) else file as media:
                plans = list(plan_pages(engine, media, longest, style))
                opened(media, plans)
                yield from _ask_pages(media, plans, asked, keys)
        except SmolError as error:
            yield failure(file if isinstance(file, str) else file.source.path, error)


def _ask_pages(
    media: Media, plans: Sequence[RequestPlan], asked: tuple[Sequence[str], Style], keys: Iterator[int]
) -> Iterator[Asked | Failure]:
    """A picture that fails is a Failure, and the others go on. Raises DoesNotFitError before anything is rendered."""
    questions, style = asked
    for plan in plans:
        plan.require_fit()
    for plan in plans:
        start = time.perf_counter()
        try:
            frame = media.frame(plan.media[0].outlines[0].place)
            cuts = plan.media[0].plans[0]
            part = ImagePart(cuts, cut(frame.rgb, cuts), media.source.sha256)
        except SmolError as error:
            yield failure(media.source.path, error)
            continue
        warnings = (*plan.notes, *media.warnings, *frame.warnings)
        for question in questions:
            wish = Request(next(keys), render(style.prompt, [part], question, style.hint), style.sampling)
            yield Asked(wish, style.prompt.name, question, (frame.place,), warnings, time.perf_counter() - start)
            start = time.perf_counter()


def in_order(events: Generator[Event]) -> Generator[Event]:
    """Hold back answers that finished before those that were asked for earlier.

    Where the run breaks off with a SmolError, raised by `events` or thrown in here, those that are finished come first.
    """
    ready: dict[int, Answer | Failure] = {}
    due = 0
    with closing(events):
        try:
            for event in events:
                key = _key(event)
                if key is None or not isinstance(event, Answer | Failure):
                    yield event
                    continue
                ready[key] = event
                while due in ready:
                    due += 1
                    yield ready.pop(due - 1)
        except SmolError:
            yield from (ready[key] for key in sorted(ready))
            raise


def _key(event: Event) -> int | None:
    """That of the request which an answer or a failure ends; None of all else."""
    if isinstance(event, Answer):
        return event.generation.key
    return event.key if isinstance(event, Failure) else None
