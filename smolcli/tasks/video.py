"""How many frames of a clip a model can read at once.

Sampling them is the media room's work, asking about them `ask`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.engine import Planner
from smolcli.media import Media
from smolcli.tasks.planning import Style, frames_that_fit


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """How many frames a clip may have: `frames`, and why that is fewer than asked ("" if it is not)."""

    frames: int
    reason: str = ""


def frame_budget(planner: Planner, question: str, style: Style, asked: int | None) -> FrameBudget:
    """The most frames that the model's facts and its context allow, at most what the user asked for (None:

    the model's most).
    """
    facts = planner.facts
    wanted = asked or facts.max_frames
    if wanted > facts.max_frames:
        reason = f"{facts.name} was trained on at most {facts.max_frames} frames"
    else:
        reason = ""
    most = min(wanted, facts.max_frames)
    fit = frames_that_fit(planner, question, style, most)
    if fit < most:
        reason = f"the context of {planner.context_tokens} tokens holds {fit} frames and an answer"
    return FrameBudget(fit, reason)


def frame_notes(media: Media, budget: FrameBudget, asked: int | None, fps: float) -> tuple[str, ...]:
    """A sentence when an opened clip has fewer frames than asked (or than the model's most), and why."""
    found = len(media.outlines)
    limited = bool(budget.reason) and found >= budget.frames
    if asked is not None and found < asked:
        reason = budget.reason if limited else f"the clip gives {found} at {fps:g} a second"
        return (f"{found} of {asked} frames are read: {reason}.",)
    return (f"{found} frames are read: {budget.reason}.",) if limited else ()
