"""What all jobs of a run have in common; with places, it makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Place, Sampling
from smolcli.jobs import Job, Look, Question


@dataclass(frozen=True, slots=True)
class Template:
    """Everything of a job but its places: one job is made of each question."""

    questions: tuple[Question, ...]
    look: Look
    sampling: Sampling

    def within(self, schema: str = "", choices: Sequence[str] = ()) -> Template:
        """The same, with answers that follow a schema (JSON text) or are one of some choices."""
        asked = tuple(replace(each, schema=schema, choices=tuple(choices)) for each in self.questions)
        return replace(self, questions=asked)

    def jobs(self, places: Sequence[Place]) -> Iterator[Job]:
        """A job about these places for each question."""
        for question in self.questions:
            yield Job(tuple(places), question, self.look, self.sampling)
