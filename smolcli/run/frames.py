"""How many frames of a clip a model reads at once, and what to say when that is fewer than asked.

Sampling them is the media room's work.
"""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.datatypes import ModelFacts, Source, VideoFacts

REFERENCE_FRAMES = 64  # transformers video_sampling.max_frames: its default, not a limit


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """How many frames a clip may have: `frames`, and why no more ("" where the user asked for no more).

    asked: what the user wanted, None for the model's most.
    """

    frames: int
    asked: int | None = None
    reason: str = ""

    def note(self, source: Source, video: VideoFacts | None, found: int, fps: float) -> str:
        """A sentence when a clip gives fewer frames than asked, or than `fps` frames a second; else ""."""
        if video is None:
            return ""
        wanted = self.asked or max(1, round(fps * video.duration_s))
        if found >= wanted:
            return ""
        cause = self.reason if found >= self.frames else ""
        if not cause and found >= video.total_frames:
            cause = "the clip has no more"
        cause = cause or f"the clip is {video.duration_s:.1f} s long, and {fps:g} a second are taken (--fps)"
        asked_for = f"the {self.asked} asked for" if self.asked else f"{wanted} at {fps:g} a second"
        return f"{found} frames of {source.path} are read instead of {asked_for}: {cause}."


def frame_budget(facts: ModelFacts, asked: int | None) -> FrameBudget:
    """What the model's facts allow of what the user asked for (None: the model's most).

    Only a model that was trained on fewer frames than the family's default is held to them.
    """
    if asked is not None and (asked <= facts.max_frames or facts.max_frames >= REFERENCE_FRAMES):
        return FrameBudget(asked, asked)
    return FrameBudget(facts.max_frames, asked, f"{facts.name} was trained on at most {facts.max_frames} frames")


def most_frames(facts: ModelFacts, context_tokens: int, asked: int | None) -> int:
    """How many frames of a clip need be looked at: no more than may be shown, and one more than a context holds."""
    return min(frame_budget(facts, asked).frames, context_tokens // facts.tokens_per_tile + 1)
