"""Planned questions in, answers out: renders and cuts the media, runs the engine, says what each answer is about."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Answer, Encoded, Failure, Generation, ImagePart, Piece, Place, Refused, Request
from smolcli.engine import Engine
from smolcli.errors import MediaError, SmolError
from smolcli.media import Media
from smolcli.prompt import Medium
from smolcli.tasks.planning import PlannedMedium, RequestPlan, medium_parts
from smolcli.tiles import cut

Event = Encoded | Piece | Answer | Failure


@dataclass(frozen=True, slots=True)
class Loaded:
    """Media of one request, rendered and cut; `places` in the order of the pictures."""

    media: tuple[Medium, ...]
    places: tuple[Place, ...]
    warnings: tuple[str, ...]
    preprocess_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One request on its way through the engine, and what its answer will say beside the text."""

    request: Request
    prompt: str
    question: str
    places: tuple[Place, ...]
    warnings: tuple[str, ...] = ()
    preprocess_s: float = 0.0


def load_media(media: Sequence[Media], plan: RequestPlan) -> Loaded:
    """Render and cut every frame that was planned. Raises MediaError; a request never goes on without a picture."""
    start = time.perf_counter()
    loaded: list[Medium] = []
    places: list[Place] = []
    warnings = list(plan.notes)
    for medium, planned in zip(media, plan.media, strict=True):
        parts, shown, odd = load_pictures(medium, planned)
        loaded += medium_parts(planned.video, parts, shown)
        places += shown
        warnings += odd
    return Loaded(tuple(loaded), tuple(places), tuple(warnings), time.perf_counter() - start)


def load_pictures(medium: Media, planned: PlannedMedium) -> tuple[list[ImagePart], list[Place], list[str]]:
    """Every picture of one file, cut; its place; what is odd. A damaged clip may give fewer frames, nothing else may.

    Raises MediaError.
    """
    parts: list[ImagePart] = []
    places: list[Place] = []
    warnings: list[str] = []
    for frame, plan in zip(medium.frames(), planned.plans, strict=False):
        parts.append(ImagePart(plan, cut(frame.rgb, plan), planned.source.sha256))
        places.append(frame.place)
        warnings += frame.warnings
    if not parts or (planned.video is None and len(parts) < len(planned.plans)):
        raise MediaError(
            f"{planned.source.path} gave {len(parts)} of {len(planned.plans)} pictures.", "The file is damaged."
        )
    return parts, places, [*medium.warnings, *warnings]


def ask_engine(engine: Engine, asked: Iterable[Asked | Failure]) -> Generator[Event]:
    """Run requests as they are pulled; failures pass through in their turn, answers come as they finish."""
    waiting: dict[int, Asked] = {}
    failures: deque[Failure] = deque()

    def requests() -> Iterator[Request]:
        for item in asked:
            if isinstance(item, Failure):
                failures.append(item)
                continue
            waiting[item.request.key] = item
            yield item.request

    for event in engine.run(requests()):
        while failures:
            yield failures.popleft()
        if isinstance(event, Generation):
            yield _answer(waiting.pop(event.key), event, engine.facts.name)
        elif isinstance(event, Refused):
            item = waiting.pop(event.key)
            path = item.places[0].source.path if item.places else ""
            yield replace(failure(path, event.error), key=event.key)
        else:
            yield event
    yield from failures


def _answer(item: Asked, generation: Generation, model: str) -> Answer:
    seconds = replace(generation.seconds, preprocess=item.preprocess_s)
    warnings = item.warnings
    if generation.stop_reason == "repetition":
        warnings = (*warnings, "the answer repeated itself without end and was cut.")
    return Answer(
        places=item.places,
        prompt=item.prompt,
        question=item.question,
        text=generation.text,
        model=model,
        generation=replace(generation, seconds=seconds),
        warnings=warnings,
    )


def failure(path: str, error: SmolError) -> Failure:
    """An error as a record beside the answers."""
    return Failure(path, type(error).__name__, error.message, error.hint, error.exit_code)
