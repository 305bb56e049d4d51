"""One file → one request per picture in it: the pages of a document, or the one picture of an image."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count

from smolcli.datatypes import Failure, ImagePart, Request
from smolcli.engine import Planner
from smolcli.errors import MediaError, SmolError
from smolcli.media import Media
from smolcli.prompt import render
from smolcli.tasks.answering import Asked, failure
from smolcli.tasks.planning import Page, RequestPlan, Style, plan_request
from smolcli.tiles import cut


def plan_pages(planner: Planner, media: Media, question: str, style: Style) -> Iterator[RequestPlan]:
    """The plan of each picture's own request, in order."""
    if media.video is not None:
        raise MediaError(f"{media.source.path} is a clip, not pages.", f"Try: smol video {media.source.path}")
    for outline in media.outlines:
        yield plan_request(planner, [Page(media.source, (outline,))], question, style)


def ask_pages(
    media: Media, plans: Sequence[RequestPlan], question: str, style: Style, keys: Iterator[int] | None = None
) -> Iterator[Asked | Failure]:
    """One request per planned picture, rendered only when its turn comes.

    A picture that fails is a Failure, and the others go on. Raises DoesNotFitError before anything is rendered.
    """
    keys = keys or count()
    for plan in plans:
        plan.require_fit()
    for plan in plans:
        start = time.perf_counter()
        try:
            frame = media.frame(plan.media[0].outlines[0].place)
            cuts = plan.media[0].plans[0]
            turns = render(
                style.prompt, [ImagePart(cuts, cut(frame.rgb, cuts), media.source.sha256)], question, style.hint
            )
        except SmolError as error:
            yield failure(media.source.path, error)
            continue
        wish = Request(next(keys), turns, style.sampling)
        warnings = (*plan.notes, *media.warnings, *frame.warnings)
        yield Asked(wish, style.prompt.name, question, (frame.place,), warnings, time.perf_counter() - start)
