"""Answers about windows of a clip go in, cues come out: from when to when, and what is said there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.datatypes import Place
from smolcli.files import Target
from smolcli.formats.form import Form
from smolcli.formats.page import plain
from smolcli.formats.table import of_one_input
from smolcli.formats.whole import WholeWriter
from smolcli.jobs import Answer

LEAST_S = 0.001  # how long a cue is shown: both kinds of subtitles count milliseconds
STEP_S = 1.0  # between frames, where a clip showed no more than one
Window = tuple[float, float]  # from, to; seconds


@dataclass(frozen=True, slots=True)
class Cue:
    """start_s < end_s, to the millisecond. text: plain, not empty. shown: the frames that were read, in order."""

    start_s: float
    end_s: float
    text: str
    shown: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """All that was said of one clip. path: its name as it was given. summaries: of the whole, beside its windows."""

    path: str
    cues: tuple[Cue, ...]
    summaries: tuple[str, ...]
    duration_s: float


class ClipWriter(WholeWriter):
    """The answers about one clip are held until all are there, and told in the order of its time.

    name: of the format. Raises UsageError for an answer about a second clip.
    """

    name = ""

    def __init__(self, target: Target, form: Form) -> None:
        super().__init__(target)
        self._form = form
        self._answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        """Take an answer. Raises UsageError."""
        if self._answers and path_of(answer) != path_of(self._answers[0]):
            raise of_one_input(self.name)
        self._answers.append(answer)

    def told(self) -> Told:
        """What was said of the clip."""
        return tell(self._answers, self._form)


def path_of(answer: Answer) -> str:
    """The clip that an answer is about, as it was named."""
    return answer.job.places[0].source.path if answer.job.places else ""


def tell(answers: Sequence[Answer], form: Form) -> Told:
    """Cues by their times, and what is about the whole clip beside them; alone, that is a cue over all of it."""
    duration_s = _duration_s(answers, form)
    windows = [(window, answer) for answer in answers if (window := answer.window_s) is not None]
    whole = [answer for answer in answers if answer.window_s is None]
    if not windows:
        windows, whole = [((0.0, duration_s), answer) for answer in whole], []
    made = [_cue(window, answer, form) for window, answer in windows]
    cues = tuple(sorted((cue for cue in made if cue.text), key=lambda cue: (cue.start_s, cue.end_s)))
    summaries = tuple(text for answer in whole if (text := _text(answer, form)))
    return Told(path_of(answers[0]) if answers else "", cues, summaries, duration_s)


def _cue(window: Window, answer: Answer, form: Form) -> Cue:
    start_s = round(max(0.0, window[0]), 3)
    end_s = window[1] if math.isfinite(window[1]) else _last_s(answer)
    return Cue(start_s, max(round(end_s, 3), start_s + LEAST_S), _text(answer, form), answer.places)


def _text(answer: Answer, form: Form) -> str:
    """An answer in lines of which none is empty; where several questions are asked, the question is before it."""
    lines = [" ".join(line.split()) for line in plain(answer.text).splitlines()]
    text = "\n".join(line for line in lines if line)
    return f"{' '.join(plain(answer.question).split())} {text}" if text and form.questions > 1 else text


def _duration_s(answers: Sequence[Answer], form: Form) -> float:
    """How long the clip is: as it says itself, else as far as it was looked at."""
    known = form.duration_s(answers[0].job.places[0]) if form.duration_s and answers and answers[0].job.places else None
    ends = [window[1] for answer in answers if (window := answer.window_s) is not None and math.isfinite(window[1])]
    return known or max([*ends, *map(_last_s, answers), LEAST_S])


def _last_s(answer: Answer) -> float:
    """The end of the last frame that was shown: as long after it as frames are apart."""
    times_s = sorted(place.time_s for place in answer.places if place.time_s is not None)
    if not times_s:
        return STEP_S
    step_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1) if len(times_s) > 1 else 0.0
    return times_s[-1] + (step_s or STEP_S)


def parted(cues: Sequence[Cue]) -> list[Cue]:
    """The same where none begins before the one ahead of it has ended, as chapters have to be."""
    ends = [following.start_s for following in cues[1:]] + [math.inf]
    cut = [replace(cue, end_s=min(cue.end_s, end)) for cue, end in zip(cues, ends, strict=True)]
    return [cue for cue in cut if cue.end_s > cue.start_s]


def clip_name(path: str) -> str:
    """What a clip is called: the name of its file."""
    return "standard input" if path == "-" else plain(Path(path).name)


# ---- times as they are written


def clock_ms(time_s: float, point: str) -> str:
    """HH:MM:SS and milliseconds behind `point`."""
    whole, ms = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(whole, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{point}{ms:03d}"
