"""What all jobs of a run have in common; with places, it makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from smolcli.datatypes import Place, Sampling
from smolcli.jobs import Job, Look, Question
from smolcli.verbs.variables import filled


@dataclass(frozen=True, slots=True)
class Template:
    """Everything of a job but its places: one job is made of each question.

    fills: what of the questions holds variables of the picture (variables.py): the words around it ("words"), or what
    is asked as well ("text").
    """

    questions: tuple[Question, ...]
    look: Look
    sampling: Sampling
    fills: Literal["", "words", "text"] = ""

    def within(self, schema: str = "", choices: Sequence[str] = ()) -> Template:
        """The same, with answers that follow a schema (JSON text) or are one of some choices."""
        asked = tuple(replace(each, schema=schema, choices=tuple(choices)) for each in self.questions)
        return replace(self, questions=asked)

    def asking(self, text: str) -> Template:
        """The same words around another question, one with variables in it."""
        return replace(self, questions=(replace(self.questions[0], text=text),), fills="text")

    def jobs(self, places: Sequence[Place]) -> Iterator[Job]:
        """A job about these places for each question; variables are of the first."""
        for question in self.questions:
            asked = filled(question, places[0], self.fills == "text") if self.fills and places else question
            yield Job(tuple(places), asked, self.look, self.sampling)
