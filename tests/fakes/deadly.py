"""Engines for actors of a cluster, which fail on purpose: they stand below the Engine protocol, in another process."""

from __future__ import annotations

import os

from fakes.engine import FakeEngine
from smolcli.errors import EngineError, ModelError


class DeadlyEngine(FakeEngine):
    """Ends its process, or fails as a whole, when a question says so."""

    def add(self, request):
        words = " ".join(part.text for turn in request.turns for part in turn.parts if hasattr(part, "text"))
        if "END" in words:
            os._exit(1)
        if "FAIL" in words:
            raise_later(self)
        return super().add(request)

    def step(self):
        if getattr(self, "failing", False):
            raise EngineError("llama.cpp failed (on purpose).")
        return super().step()


def raise_later(engine) -> None:
    """The engine fails in its next step."""
    engine.failing = True


def load_deadly(pair, options):
    """What an actor calls to open its engine."""
    return DeadlyEngine(options.parallel)


def load_refusing(pair, options):
    """A node whose llama.cpp cannot read this model."""
    raise ModelError("It is of no kind that is known here (on purpose).")
