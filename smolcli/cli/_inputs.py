"""Arguments in, names of media and questions out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from smolcli.errors import MediaError, UsageError
from smolcli.media import MEDIA_SUFFIXES
from smolcli.options import AnswerOptions, ReadingOptions
from smolcli.session import Held, held_answers
from smolcli.verbs import read_questions, stated

_FILE_NAME = re.compile(r"\S+\.[A-Za-z0-9]{2,4}", re.ASCII)  # "photo.jgp", mistyped; no question looks like it


def split_arguments(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """(media, questions): the last argument is the question, unless -Q gives some. Raises UsageError."""
    if not arguments:
        raise UsageError("No media are given.", "Name an image, a PDF or a clip, or - for standard input.")
    if questions:
        return _once(arguments), read_questions(questions, arguments)
    last = arguments[-1]
    if _is_file(last) or _FILE_NAME.fullmatch(last):
        hint = f'Put it last, in quotes: smol ask {shlex.quote(last)} "What is this?"'
        raise UsageError(f"There is no question: {last!r} is a file, or the name of one.", hint)
    if len(arguments) == 1:
        raise UsageError("No media are given, only a question.", f'Name them first: smol ask photo.jpg "{last}"')
    return _once(arguments[:-1]), [stated(last)]


def split_optional_question(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """As `split_arguments`, but where the last argument is a file, or named like one, there is no question."""
    if arguments and not questions:
        last = arguments[-1]
        if len(arguments) == 1 or _is_file(last) or _FILE_NAME.fullmatch(last):
            return _once(arguments), [""]
    return split_arguments(arguments, questions)


def files_and_questions(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """(files, questions) of `FILE... [QUESTION]` and any -Q.

    The last word is the question unless it exists as a file, is the only word, or ends as media files do: then it is a
    file, and nothing is read on a guess where it is missing. Raises UsageError, MediaError.
    """
    last = arguments[-1]
    if len(arguments) == 1 or _is_file(last):
        return _once(arguments), read_questions(questions, arguments)
    if Path(last).suffix.lower() in MEDIA_SUFFIXES:
        hint = "Check the spelling; a question that ends like the name of a file is given with -Q."
        raise MediaError(f"{last!r} does not exist.", hint)
    return _once(arguments[:-1]), [stated(last), *read_questions(questions, arguments)]


def files_held(
    arguments: Sequence[str], more: Sequence[str] | None, answers: AnswerOptions
) -> tuple[list[str], list[str], Held]:
    """The files and the questions of a command line, and what the answers are held to. Raises UsageError."""
    files, questions = files_and_questions(list(arguments), list(more or ()))
    held = held_answers(answers, files)
    return files, held.asking(questions), held


def no_more_than_messages(
    arguments: Sequence[str] | None,
    questions: Sequence[str] | None,
    reading: ReadingOptions,
    answers: AnswerOptions,
) -> None:
    """A conversation is given whole: what would add to it is refused. Raises UsageError."""
    others = {
        "media and questions": arguments,
        "-Q": questions,
        "--system": reading.system,
        "--prompt-file": reading.prompt_file,
        "--hint": reading.hint,
        "--schema": answers.schema,
        "--fields": answers.fields,
        "--choices": answers.choices,
    }
    if found := [name for name, value in others.items() if value]:
        raise UsageError(f"--messages does not go with {', '.join(found)}.", "Write them into the file.")


def _is_file(text: str) -> bool:
    with suppress(OSError, ValueError):  # a question may be too long for a name
        return text == "-" or (bool(text) and Path(text).exists())
    return False


def _once(paths: Sequence[str]) -> list[str]:
    if list(paths).count("-") > 1:
        raise UsageError("Standard input (-) can be read only once.")
    return list(paths)
