"""What the windows of a clip were described as goes in, one description of the whole comes out.

The same model merges them, as text: as many at a time as its context holds, and what comes of that again, until one is
left. What cannot be merged is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Sampling
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question
from smolcli.printable import timestamp
from smolcli.verbs.stepwise import Outcome, answers, spent

PARTS = "{parts}"  # in the words of the merging prompt


@dataclass(frozen=True, slots=True)
class Merging:
    """How descriptions become one. question: its text holds {parts}; fits: whether a question leaves room for an answer
    in the model's context.
    """

    question: Question
    sampling: Sampling
    fits: Callable[[Question], bool]


@dataclass(frozen=True, slots=True)
class _Part:
    """A description of a stretch of the clip."""

    start_s: float
    end_s: float
    text: str

    @property
    def line(self) -> str:
        return f"{timestamp(self.start_s)} to {timestamp(self.end_s)}: {self.text.strip()}"


def merged(told: Sequence[Answer], merging: Merging | None) -> Generator[list[Job], Sequence[Outcome], Answer]:
    """The description of a clip, from those of its windows in order; its job is still that of the first window.

    merging: None joins them. Raises StepError where the model fails.
    """
    parts = [_Part(*_window(answer), answer.text) for answer in told]
    made: list[Answer] = []
    while merging is not None and len(parts) > 1:
        groups = _groups(parts, merging)
        if len(groups) == len(parts):  # not even two fit together
            break
        jobs = {id(group): _job(group, merging) for group in groups if len(group) > 1}
        came = dict(zip(jobs, answers((yield list(jobs.values()))), strict=True))
        made += came.values()
        parts = [_Part(group[0].start_s, group[-1].end_s, _text(group, came.get(id(group)))) for group in groups]
    first = replace(told[0], warnings=())
    if not made:
        return _joined(first, parts)
    counts, seconds = spent(made)
    generation = replace(made[-1].generation, text=_join(parts), counts=counts, seconds=seconds)
    return replace(first, generation=generation, cached=all(answer.cached for answer in made), seed=made[-1].seed)


def _window(answer: Answer) -> tuple[float, float]:
    return answer.job.places[0].window_s or (0.0, 0.0)


def _text(group: Sequence[_Part], made: Answer | None) -> str:
    return group[0].text if made is None else made.text


def _groups(parts: Sequence[_Part], merging: Merging) -> list[list[_Part]]:
    """Neighbours, as many together as fit."""
    groups: list[list[_Part]] = []
    for part in parts:
        if groups and merging.fits(_question([*groups[-1], part], merging)):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _question(group: Sequence[_Part], merging: Merging) -> Question:
    lines = "\n".join(part.line for part in group)
    return replace(merging.question, text=merging.question.text.replace(PARTS, lines))


def _job(group: Sequence[_Part], merging: Merging) -> Job:
    return Job((), _question(group, merging), Look(), merging.sampling)


def _joined(first: Answer, parts: Sequence[_Part]) -> Answer:
    made = Generation(0, _join(parts), "end", Counts(0, 0, 0, 0, 0), Seconds(0.0, 0.0, 0.0, 0.0), None)
    return replace(first, generation=made, cached=False, seed=None)


def _join(parts: Sequence[_Part]) -> str:
    """The texts one after another; one that only says again what the one before it said is left out."""
    texts = [part.text.strip() for part in parts]
    kept = [text for before, text in zip(["", *texts], texts, strict=False) if text and text != before]
    return " ".join(text if text.endswith((".", "!", "?")) or text == kept[-1] else f"{text}." for text in kept)
