"""The nouns of one unit of work: what is asked of which places (Job), and what comes of it (Answer, Failure).

They hold no pixels and no handles, can be hashed and pickled, and are about a kilobyte each: so a piece of work can be
kept, resumed, read ahead and sent elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from smolcli.datatypes import Outline, Place, Sampling, Source, TilePlan, VideoFacts
from smolcli.errors import SmolError
from smolcli.generation import Generation
from smolcli.regions import PageReading

MOST_NAMED = 3  # files of a request that failed as a whole
READING = 1  # goes up when the same job would be read differently by our own code


@dataclass(frozen=True, slots=True)
class Words:
    """What is said around media. Braces are filled in: {question}; {image_count}; {frame_count} in words,
    {frame_number} in digits, {video_duration} as H:MM:SS, {video_duration_exact} with microseconds, {timestamp} as
    MM:SS.
    """

    question: str = "{question}"
    system: str = ""
    image_intro: str = ""
    images_intro: str = ""  # for two or more; image_intro when empty
    image_outro: str = ""
    images_outro: str = ""
    video_intro: str = ""
    frame: str = ""
    video_outro: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A job's place (by its number) in a message of a conversation.

    longest_edge_px: instead of the model's own; split: whether the picture may be cut into tiles; detail: in place of
    the look's.
    """

    place: int
    longest_edge_px: int | None = None
    split: bool = True
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation that was given whole: its role, and texts and pictures in order."""

    role: str
    parts: tuple[str | Shown, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a prompt's words and the text in them, `hint` after it; or `messages`, a conversation as it is.

    choices: the answer is one of these, and nothing is generated. schema: a JSON Schema (JSON text) that the answer
    follows. name: of the prompt that the words are from. It is shown, and decides nothing.
    """

    words: Words
    text: str
    hint: str = ""
    messages: tuple[Message, ...] = ()
    choices: tuple[str, ...] = ()
    schema: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pieces of a page (the boxes of a job's places) on one picture, below one another, at their own proportions.

    side_px: of the square picture; rows: how many pieces it has room for; scale: its pixels per pixel of the page.
    at: where the upper left corner of each goes, where they are not below one another.
    """

    side_px: int
    rows: int
    scale: float
    at: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """How to look. detail: as --detail writes it; dpi: of pages, None for what the model can use; frames: at most so
    many of a clip, None for the model's most; fps: so many a second; dedupe: a frame of a clip that shows what an
    earlier one does is read as that one (run/duplicates.py); rotate: degrees clockwise, of every picture.

    turn (0, 90, 180, 270), skew_deg: degrees clockwise by which this one page is turned before boxes are cut out of
    it; sheet: the places of the job are pieces that make one picture.
    """

    detail: str = "auto"
    dpi: int | None = None
    frames: int | None = None
    fps: float = 1.0
    rotate: int = 0
    turn: int = 0
    skew_deg: float = 0.0
    sheet: Sheet | None = None
    dedupe: bool = True

    @property
    def opening(self) -> Look:
        """What of it decides how a file is opened."""
        return Look(dpi=self.dpi, frames=self.frames, fps=self.fps, rotate=self.rotate)


@dataclass(frozen=True, slots=True)
class Job:
    """One request to be: places in the order in which they are shown, and what is asked of them.

    A place is a picture or a page; of a clip, all of it.
    """

    places: tuple[Place, ...]
    question: Question
    look: Look
    sampling: Sampling

    def key(self, model: str) -> str:
        """What decides the answer, as one name: a version and blake2b-16 (hex) of canonical JSON.

        model: what stands for the two files and the context (reader.py). In it are the sources' content, the places,
        the words, look and sampling; not in it are names, the order of options, threads, and the device: on another
        one the same model gives the same answer but where two tokens are all but equally likely.
        """
        sampling = self.sampling
        if sampling.temperature == 0:  # the likeliest token is taken: nothing is drawn
            sampling = replace(sampling, seed=0, top_p=1.0)
        question = {field.name: getattr(self.question, field.name) for field in fields(Question)}
        record = {
            "reading": READING,
            "model": model,
            "places": [place_record(place) for place in self.places],
            "question": {**question, "words": asdict(self.question.words), "name": None}
            | {"messages": [asdict(message) for message in self.question.messages]},
            "look": _look_record(self.look),
            "sampling": asdict(sampling),
        }
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"{READING}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"

    @property
    def is_hashed(self) -> bool:
        """Whether its key is known without waiting for the hash of a large file."""
        return all(place.source.is_hashed for place in self.places)

    def require_hashes(self) -> None:
        """Wait for them. Raises MediaError where a file could not be read to its end."""
        tuple(place.source.sha256 for place in self.places)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sha256 (hex) of each file that it is about, each once."""
        return tuple(dict.fromkeys(place.source.sha256 for place in self.places))


def _look_record(look: Look) -> dict[str, Any]:
    record = asdict(look)
    if record["sheet"] is not None and not record["sheet"]["at"]:
        del record["sheet"]["at"]  # pieces below one another are called as they always were
    return record


def place_record(place: Place) -> dict[str, Any]:
    """Where a place is, without the name of its file."""
    where = {"index": place.index, "time_s": place.time_s, "box": place.box, "window_s": place.window_s}
    return {"sha256": place.source.sha256, "kind": place.source.kind, **where}


@dataclass(frozen=True, slots=True)
class PlannedMedium:
    """One place of a job: its pictures (not rendered) and how each is cut."""

    source: Source
    outlines: tuple[Outline, ...]
    plans: tuple[TilePlan, ...]
    video: VideoFacts | None = None

    @property
    def encodes(self) -> int:
        """Vision-tower passes for all of its frames."""
        return sum(plan.encodes for plan in self.plans)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets: the job, the pictures that were shown for each of its places, and how it came about.

    cached: it was computed by an earlier run, or for the same pixels. seed: with which it was drawn, None where nothing
    was. data: the answer parsed, where it follows a schema. choices: how likely each was (adding up to 1), where it had
    to be one of some. evidence: where on the pages it stands. page: what a page was read as, where the whole of it was.
    confidence: how sure the model was of it, 0 to 1, where that decided something. prefix: words of the user's before
    it, which the model neither wrote nor saw.
    """

    job: Job
    shown: tuple[tuple[Place, ...], ...]
    model: str
    generation: Generation
    warnings: tuple[str, ...] = ()
    cached: bool = False
    seed: int | None = None
    data: Any = None
    choices: Mapping[str, float] | None = None
    evidence: tuple[Place, ...] = ()
    page: PageReading | None = None
    confidence: float | None = None
    prefix: str = ""

    @property
    def text(self) -> str:
        """The answer itself."""
        return self.prefix + self.generation.text

    @property
    def question(self) -> str:
        """What the user asked."""
        return self.job.question.text

    @property
    def window_s(self) -> tuple[float, float] | None:
        """The window of a clip that it is about; None where it is about a whole clip, or about none."""
        return self.job.places[0].window_s if self.job.places else None

    @property
    def places(self) -> tuple[Place, ...]:
        """Every picture that was shown, the frames of clips too."""
        return tuple(place for group in self.shown for place in group)


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that could not be read or answered; the others go on.

    source: as the user named it; place: where in it, as a fragment behind the name. traceback: where SMOL_DEBUG=1 asks
    for it. job: what was asked, where it came to that.
    """

    source: str
    place: str
    error: str
    message: str
    hint: str
    exit_code: int
    traceback: str = field(default="", compare=False, repr=False)
    job: Job | None = field(default=None, compare=False, repr=False)


def failure(source: str, error: SmolError, place: Place | None = None, job: Job | None = None) -> Failure:
    """An error as a record beside the answers."""
    where = place.uri if place is not None else source
    shown = ""
    if os.environ.get("SMOL_DEBUG", "") not in ("", "0"):  # not from the settings: they may be what is wrong
        import traceback

        shown = "".join(traceback.format_exception(error))
    return Failure(source, where, type(error).__name__, error.message, error.hint, error.exit_code, shown, job)


def failure_of(job: Job, error: SmolError) -> Failure:
    """The record of a job that failed: of the place that the error is about, else of all its files."""
    place = job.places[error.part or 0] if job.places and (error.part is not None or len(job.places) == 1) else None
    if place is not None:
        return failure(place.source.path, error, place, job)
    paths = list(dict.fromkeys(each.source.path for each in job.places))
    more = [f"{len(paths) - MOST_NAMED} more"] if len(paths) > MOST_NAMED else []
    return failure(", ".join(paths[:MOST_NAMED] + more), error, job=job)


@dataclass(frozen=True, slots=True)
class Expected:
    """So many more answers are to come (or fewer, where negative) than was said before; what is odd about them."""

    answers: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """No job can be made before more answers are said: ask again then."""
