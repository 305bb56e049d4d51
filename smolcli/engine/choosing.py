"""A request with choices goes in, continuations to score come out; and of their logits, how likely each choice is.

Nothing is written. A choice is as likely as the model is to answer with it and then to end: the logarithms of all its
tokens' probabilities are added up, and of the end behind them. So a choice that another one begins with ("no", "not
sure") is no likelier for being shorter, and longer ones are not made up for: divided by their sum, the probabilities
are those of a model that may answer with nothing else. A model writes "Yes." where the user has typed "yes", so the
forms of a choice that differ in its first letter's case or a full stop at its end count as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gguf_convert.header import DAMAGED
from smolcli.datatypes import Floats, ModelFacts
from smolcli.engine.arrival import Arrival
from smolcli.engine.batching import Job
from smolcli.engine.scheduler import Scored
from smolcli.errors import ModelError, UsageError
from smolcli.generation import Counts, Generation, Seconds

MOST_CHOICES = 256


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a choice (by its number): its ids, and after how many of them the answer may be over."""

    choice: int
    ids: tuple[int, ...]
    stops: tuple[int, ...]


class Choosing:
    """A request whose choices are being scored. written: every form of them; ends: every id that ends an answer.

    keys: where the scheduler's jobs have theirs from. Raises DoesNotFitError for a choice that the context cannot hold.
    """

    def __init__(self, arrival: Arrival, ends: Sequence[int], written: Sequence[Form], keys: Iterator[int]) -> None:
        for form in written:
            arrival.require_room(len(form.ids) + 1)
        self.arrival = arrival
        self.under_way: dict[int, Form] = {}  # taken by the scheduler, by the keys of its jobs
        self._ends, self._keys, self._waiting = ends, keys, deque(written)
        self._job: Job | None = None  # of the first that waits
        self._found: dict[int, list[float]] = {}
        self._cached = -1
        self._prefill_s = 0.0

    def next_job(self, facts: ModelFacts) -> Job | None:
        """The next form as a job, until it is `taken`; None once all are. Every tile must be encoded."""
        if self._job is None and self._waiting:
            ids = (*self._waiting[0].ids, self._ends[0])  # the last one is not read: any end will do
            self._job = self.arrival.score_job(next(self._keys), ids, facts)
        return self._job

    def taken(self) -> None:
        """The scheduler has the job."""
        if self._job is not None:
            self.under_way[self._job.key], self._job = self._waiting.popleft(), None

    def take(self, scored: Scored) -> list[Generation]:
        """Logits of one form; the answer, once they are all there."""
        form = self.under_way.pop(scored.key)
        self._found.setdefault(form.choice, []).append(_logprob(scored.logits, form, self._ends))
        self._cached = scored.cached if self._cached < 0 else self._cached
        self._prefill_s += scored.prefill_s
        return [] if self._waiting or self.under_way else [self._answer()]

    def _answer(self) -> Generation:
        request, arrival = self.arrival.request, self.arrival
        logprobs = tuple(float(np.logaddexp.reduce(self._found[n])) for n in range(len(request.choices)))
        counts = Counts(len(arrival.sequence.ids), arrival.image_tokens, 0, self._cached, arrival.encodes)
        seconds = Seconds(0.0, arrival.encode_s, self._prefill_s, 0.0)
        text = request.choices[int(np.argmax(logprobs))]
        return Generation(request.key, text, "end", counts, seconds, None, choice_logprobs=logprobs)


def forms(choices: Sequence[str], ids_of: Callable[[str], tuple[int, ...]]) -> Iterator[Form]:
    """The ways in which each choice may be written, each of them once. Raises UsageError.

    ids_of: of an answer. Where a full stop is one more token, both ways to end are scored in one.
    """
    check_choices(choices)
    for number, choice in enumerate(choices):
        first, rest = choice[0], choice[1:]
        for case in dict.fromkeys((choice, first.upper() + rest, first.lower() + rest)):
            bare = case.rstrip(".") or case
            own = [text for text in dict.fromkeys((bare, f"{bare}.")) if text == choice or text not in choices]
            written = [ids_of(text) for text in own]  # another one's own words are its own
            if len(written) == 2 and written[1][: len(written[0])] == written[0]:
                yield Form(number, written[1], (len(written[0]), len(written[1])))
            else:
                yield from (Form(number, ids, (len(ids),)) for ids in written)


def check_choices(choices: Sequence[str]) -> None:
    """Raises UsageError for choices that are none."""
    hint = "Separate them by commas, and quote one that has a comma: --choices 'yes,no,\"not sure, ask\"'"
    if len(choices) > MOST_CHOICES or (len(choices) < 2 and all(choices)):
        given = "One choice is" if len(choices) == 1 else f"{len(choices)} choices are"
        raise UsageError(f"{given} given.", f"Give 2 to {MOST_CHOICES}, separated by commas.")
    if any(not choice or choice != choice.strip() or not choice.isprintable() for choice in choices):
        raise UsageError("A choice is empty, or holds what cannot be printed.", hint)
    if twice := next((choice for n, choice in enumerate(choices) if choice in choices[:n]), ""):
        raise UsageError(f"The choice {twice!r} is there twice.", hint)


def _logprob(logits: Floats, form: Form, ends: Sequence[int]) -> float:
    """The natural logarithm of the probability of a form and any end. logits float32 (ids and one, vocabulary)."""
    wide = logits.astype(np.float64)
    if not np.isfinite(wide.max(axis=1)).all():
        raise ModelError("The model's output is no number: its weights or its projector are damaged.", DAMAGED)
    total = np.logaddexp.reduce(wide, axis=1)
    steps = wide[np.arange(len(form.ids)), list(form.ids)] - total[:-1]
    over = np.logaddexp.reduce(wide[:, list(ends)], axis=1) - total
    return float(np.logaddexp.reduce([steps[:stop].sum() + over[stop] for stop in form.stops]))
