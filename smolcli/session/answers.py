"""--schema, --fields and --choices in; what answers are held to comes out, or a sentence before any model is loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.errors import UsageError
from smolcli.options import AnswerOptions
from smolcli.session.run import Run
from smolcli.verbs import Template


@dataclass(frozen=True, slots=True)
class Held:
    """What answers are held to: a schema (JSON text), or choices, or nothing."""

    schema: str = ""
    choices: tuple[str, ...] = ()

    def asking(self, questions: Sequence[str]) -> list[str]:
        """The questions, of which there may be none only where a schema asks its own. Raises UsageError."""
        if self.choices and not any(questions):
            raise UsageError("--choices are given, and no question.", 'Ask one: smol ask photo.jpg "Is it open?"')
        return list(questions) or ([""] if self.schema else [])

    def template(self, template: Template) -> Template:
        """The template with its questions held to it."""
        return template.within(self.schema, self.choices) if self.schema or self.choices else template


def held_answers(answers: AnswerOptions, media: Sequence[str] = ()) -> Held:
    """What the options ask for. media: the arguments, of which one may be standard input. Raises UsageError."""
    given = [f"--{name}" for name in ("schema", "fields", "choices") if getattr(answers, name) is not None]
    if not given:
        return Held()
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together.", "Give one of them.")
    from smolcli.engine import check_choices  # here, as most questions are answered freely
    from smolcli.extraction import normalized, schema_of_fields, typed_list
    from smolcli.run import check_schema

    if answers.choices is not None:
        choices = tuple(typed_list(answers.choices))
        check_choices(choices)
        return Held(choices=choices)
    if answers.fields is not None:
        schema = schema_of_fields(answers.fields)
    elif answers.schema is not None:
        schema = normalized(_read(answers.schema, media))
    else:
        return Held()
    check_schema(schema)
    return Held(schema)


def asking_yes_or_no(run: Run, detail: str | None = None) -> Run:
    """The same run, asking for a yes or a no as its model is known to give it. detail: where the user names none."""
    reading = run.reading
    hint = reading.hint or run.known_answers().yes_or_no
    return replace(run, reading=replace(reading, hint=hint, detail=reading.detail or detail))


def _read(path: Path, media: Sequence[str]) -> str:
    """The text of a schema file; - is standard input. Raises UsageError."""
    from smolcli.extraction import MOST_BYTES

    if str(path) == "-":
        if "-" in media:
            raise UsageError("Standard input can be read only once.", "Give the schema, or the media, in another way.")
        if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
            raise UsageError("No schema comes from standard input.", "Name a file, or send one: … --schema - < a.json")
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            hint = "For a few fields there is no need of a file: --fields total,date"
            raise UsageError(f"The schema {str(path)!r} cannot be read: {reason}.", hint) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"The schema {str(path)!r} is no UTF-8 text.", "It has to be JSON.") from error
