"""An engine that answers as it is told to: it stands below the Engine protocol, so that a run's order can be chosen."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from smolcli.datatypes import ModelFacts
from smolcli.engine.tokens import TokenSequence
from smolcli.errors import DoesNotFitError, EngineError
from smolcli.generation import Counts, Encoded, Generation, Piece, Refused, Request, Seconds

FACTS = ModelFacts("fake", "SmolVLM", 64, 1, 64, 6, 1000, 8, 1, 4)


class FakeEngine:
    """finish: the numbers of requests in the order in which their answers come, those not named in their own order.

    refuse: numbers that are refused once taken; too_long: refused when they are given; stuck: never answered;
    fails_once_stuck: EngineError when only those are left. seen: what was given; cancelled: what was taken back.
    """

    facts, context_tokens, load_s = FACTS, 1000, 0.0

    def __init__(self, parallel=1, finish=(), refuse=(), too_long=(), stuck=(), fails_once_stuck=False):
        self.parallel, self.finish, self.refuse, self.too_long = parallel, deque(finish), set(refuse), set(too_long)
        self.stuck, self.fails_once_stuck = set(stuck), fails_once_stuck
        self.taken: dict[int, Request] = {}
        self.seen: dict[int, Request] = {}
        self.cancelled: list[int] = []

    def tokens(self, turns, generate=True):
        import numpy as np

        return TokenSequence(np.zeros(3, np.int32), ())

    def image_tokens(self, plan):
        return plan.tokens

    @property
    def busy(self):
        return bool(self.taken)

    def expect(self, sources):
        pass

    def add(self, request):
        if request.key in self.too_long:
            raise DoesNotFitError("It does not fit.")
        if len(self.taken) >= self.parallel:
            return False
        self.taken[request.key] = self.seen[request.key] = request
        return True

    def step(self):
        free = [key for key in self.taken if key not in self.stuck]
        if self.fails_once_stuck and self.taken.keys() == self.stuck:
            raise EngineError("llama.cpp failed (on purpose).")
        if not free:
            return []
        key = free[0]
        if self.finish and self.finish[0] in self.taken:
            key = self.finish.popleft()
        elif self.finish and len(self.taken) < self.parallel and self.finish[0] not in self.seen:
            return []  # what is to come first may be on its way
        request = self.taken.pop(key)
        if key in self.refuse:
            return [Refused(key, DoesNotFitError("It does not fit."))]
        made = Generation(key, f"answer {key}", "end", Counts(3, 1, 2, 0, 1), Seconds(), -0.5)
        if request.choices:  # each is half as likely as the one before it
            logprobs = tuple(-0.7 * (n + 1) for n in range(len(request.choices)))
            made = replace(made, text=request.choices[0], mean_logprob=None, choice_logprobs=logprobs)
            return [Encoded(key, 1, 1), made]
        return [Encoded(key, 1, 1), Piece(key, made.text), made] if request.turns else []

    def score(self, turns, continuations):
        import numpy as np

        return [np.full((len(ids), 4), np.log(0.25), np.float32) for ids in continuations]

    def cancel(self, key):
        self.cancelled.append(key)
        self.taken.pop(key, None)

    def close(self):
        self.taken.clear()
