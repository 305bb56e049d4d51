"""Arguments in, opened media and questions out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from smolcli.cli._options import ClipOptions
from smolcli.engine import Planner
from smolcli.errors import UsageError
from smolcli.media import Media, MediaOptions, open_media
from smolcli.tasks.planning import Style
from smolcli.tasks.video import frame_budget, frame_notes


def split_arguments(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """(media, questions): the last argument is the question, unless -Q gives some. Raises UsageError."""
    if not arguments:
        raise UsageError("No media are given.", "Name an image, a PDF or a clip, or - for standard input.")
    if questions:
        return _once(arguments), read_questions(questions, arguments)
    if len(arguments) == 1 or Path(arguments[-1]).is_file():
        raise UsageError("There is no question.", f'Put it last, in quotes: smol ask {arguments[0]} "What is this?"')
    return _once(arguments[:-1]), [arguments[-1]]


def split_optional_question(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """As `split_arguments`, but a last argument that is (or is named like)

    a file is one of the media, with no question.
    """
    if questions or len(arguments) < 1:
        return split_arguments(arguments, questions)
    last = arguments[-1]
    if len(arguments) == 1 or last == "-" or Path(last).exists() or (Path(last).suffix and " " not in last):
        return _once(arguments), [""]
    return split_arguments(arguments, questions)


def read_questions(given: Sequence[str], media: Sequence[str]) -> list[str]:
    """Values of -Q: the text itself, @FILE (a question per line), - for standard input. Raises UsageError."""
    found: list[str] = []
    for text in given:
        if text == "-":
            if "-" in media or given.count("-") > 1:
                raise UsageError(
                    "Standard input can be read only once.", "Give the question, or the media, in another way."
                )
            found += _lines(sys.stdin.read())
        elif text.startswith("@"):
            try:
                found += _lines(Path(text[1:]).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"The questions {text[1:]} cannot be read: {error}.") from error
        else:
            found.append(text)
    if not found:
        raise UsageError("There is no question.", "-Q got nothing to ask.")
    return found


def open_inputs(
    stack: ExitStack,
    paths: Sequence[str],
    planner: Planner,
    asked: tuple[str, Style],
    options: tuple[MediaOptions, ClipOptions],
) -> tuple[list[Media], list[str]]:
    """Open every file, or none; clips with as many frames as the model can read. Also returns notes."""
    (question, style), (media_options, clips) = asked, options
    budget = frame_budget(planner, question, style, clips.frames)
    media_options = replace(media_options, max_frames=budget.frames, fps=clips.fps)
    media = [stack.enter_context(open_media(path, media_options)) for path in paths]
    found = [medium for medium in media if medium.video is not None]
    return media, [note for medium in found for note in frame_notes(medium, budget, clips.frames, clips.fps)]


def longest(questions: Sequence[str]) -> str:
    """The question that a plan for all of them must have room for."""
    return max(questions, key=len)


def _once(paths: Sequence[str]) -> list[str]:
    if list(paths).count("-") > 1:
        raise UsageError("Standard input (-) can be read only once.")
    return list(paths)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
