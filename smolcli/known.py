"""What is known of how a model answers, beside what its files say: of the built-in one it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smolcli.models import builtin_clips, builtin_questions

UNMEASURED = 0.3  # words that are each less likely than that, all in all, are a guess of any model


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """How a model answers questions about pages and clips.

    least: how sure it has to be for its answer to count, UNMEASURED where nobody looked; refusals: its sentences for
    what a page does not tell; relevance: how it is asked whether a page tells, "" as any model is; yes_or_no: the hint
    with which it is asked for a yes or a no. letter_px: how high letters are that it reads best on a page, least_px:
    those that it reads at all; 0.0 where it was not measured, or takes pages so large that they need not be looked at
    more closely. doubted: how likely it has to say yes when it is asked whether there is what it has named; 0.0 where
    that was not measured.
    """

    least: float = UNMEASURED
    refusals: Sequence[str] = ()
    relevance: str = ""
    yes_or_no: str = "yesno"
    letter_px: float = 0.0
    least_px: float = 0.0
    doubted: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownClips:
    """How a model watches clips. relevance: how it is asked whether a window shows the answer, "" as any model is;
    joins: why it merges no texts, "" where it does.
    """

    relevance: str = ""
    joins: str = ""


def known_answers(builtin: bool) -> KnownAnswers:
    """How the built-in model answers, or any other. The built-in one was taught questions alone, without a hint."""
    return KnownAnswers(**builtin_questions(), yes_or_no="") if builtin else KnownAnswers()


def known_clips(builtin: bool) -> KnownClips:
    """How the built-in model watches clips, or any other."""
    return KnownClips(**builtin_clips()) if builtin else KnownClips()
