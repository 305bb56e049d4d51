"""Any number of images, pages and clips in one prompt, and one answer per question."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from smolcli.datatypes import Request
from smolcli.engine import Engine
from smolcli.media import Media
from smolcli.prompt import render
from smolcli.tasks.answering import Asked, Event, ask_engine, load_media
from smolcli.tasks.planning import RequestPlan, Style


def ask(
    engine: Engine,
    media: Sequence[Media],
    plan: RequestPlan,
    questions: Sequence[str],
    style: Style,
) -> Generator[Event]:
    """Answer every question about the same media, which are encoded once. `plan` is that of the longest question.

    Raises DoesNotFitError before anything is rendered, MediaError when a picture cannot be.
    """
    plan.require_fit()
    loaded = load_media(media, plan)

    def asked() -> Iterator[Asked]:
        for key, question in enumerate(questions):
            turns = render(style.prompt, loaded.media, question, style.hint)
            wish = Request(key, turns, style.sampling)
            spent = loaded.preprocess_s if key == 0 else 0.0
            yield Asked(wish, style.prompt.name, question, loaded.places, loaded.warnings, spent)

    return ask_engine(engine, asked())
