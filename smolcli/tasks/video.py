"""How many frames of a clip a model reads at once, and what to say when that is fewer than asked.

Sampling them is the media room's work, asking about them `ask`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.datatypes import ModelFacts
from smolcli.media import Media

REFERENCE_FRAMES = 64  # transformers video_sampling.max_frames: its default, not a limit


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """How many frames a clip may have: `frames`, and why no more ("" where the user asked for no more)."""

    frames: int
    reason: str = ""


DEFAULT_BUDGET = FrameBudget(REFERENCE_FRAMES)


def frame_budget(facts: ModelFacts, asked: int | None) -> FrameBudget:
    """What the model's facts allow of what the user asked for (None: the model's most).

    Only a model that was trained on fewer frames than the family's default is held to them.
    """
    if asked is not None and (asked <= facts.max_frames or facts.max_frames >= REFERENCE_FRAMES):
        return FrameBudget(asked)
    return FrameBudget(facts.max_frames, f"{facts.name} was trained on at most {facts.max_frames} frames")


def frame_note(media: Media, budget: FrameBudget, asked: int | None, fps: float) -> str:
    """A sentence when an opened clip gives fewer frames than asked, or than `fps` frames a second; else ""."""
    if media.video is None:
        return ""
    found, wanted = len(media.outlines), asked or max(1, round(fps * media.video.duration_s))
    if found >= wanted:
        return ""
    cause = budget.reason if found >= budget.frames else ""
    if not cause and found >= media.video.total_frames:
        cause = "the clip has no more"
    cause = cause or f"the clip is {media.video.duration_s:.1f} s long, and {fps:g} a second are taken (--fps)"
    asked_for = f"the {asked} asked for" if asked else f"{wanted} at {fps:g} a second"
    return f"{found} frames of {media.source.path} are read instead of {asked_for}: {cause}."
