"""Any number of images, pages and clips in one prompt: a Job per question about all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from smolcli.datatypes import Place
from smolcli.engine import Planner
from smolcli.errors import DoesNotFitError, SmolError
from smolcli.jobs import Look, failure
from smolcli.run import Access, Item, OpenFiles, pictures_of
from smolcli.verbs.template import Template

KEPT_OPEN = 64  # files of one request that stay open; a system allows a process 256 or more


def ask(files: OpenFiles, paths: Sequence[str], template: Template, access: Access) -> Iterator[Item]:
    """Open every file, or none, and ask all questions about them together. One that cannot be read fails them all."""
    with ExitStack() as stack:
        places: list[Place] = []
        for path in paths:  # one by one, so that a failure names its file
            try:
                places += open_together(stack, files, [path], template.look, _shared(access, paths))
            except SmolError as error:
                yield failure(path, error)
                return
        yield from template.jobs(places)


def open_together(stack: ExitStack, files: OpenFiles, paths: Sequence[str], look: Look, access: Access) -> list[Place]:
    """The places of files that stay open until the stack is closed. Raises MediaError, EncryptedError, UsageError."""
    access = _shared(access, paths)
    media = [stack.enter_context(files.hold(path, look, access)) for path in paths]
    return [place for medium in media for place in pictures_of(medium)]


def _shared(access: Access, paths: Sequence[str]) -> Access:
    """Options that are meant for some of several files, of which not all can stay open."""
    return replace(access, several=access.several or len(paths) > 1, briefly=access.briefly or len(paths) > KEPT_OPEN)


def refuse_too_many(paths: Sequence[str], planner: Planner) -> None:
    """Files that no prompt could hold, whatever they are, are not looked at. Raises DoesNotFitError."""
    holds = planner.context_tokens // planner.facts.tokens_per_tile
    if len(paths) > holds:
        raise DoesNotFitError(
            f"{len(paths)} files are given, and a context of {planner.context_tokens} tokens holds at most {holds} "
            "pictures.",
            "Ask about fewer, or about each by itself: smol docvqa FILE... QUESTION.",
        )
