"""Files and folders, a Job for each picture in them; a file that cannot be read is a Failure and the rest go on."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smolcli.errors import UsageError
from smolcli.generation import Piece
from smolcli.jobs import Answer, Expected, failure
from smolcli.run import Access, Event, Item, OpenFiles, passed_on
from smolcli.verbs.folder_prompts import NAME, folder_prompt
from smolcli.verbs.pages import each_file, each_picture
from smolcli.verbs.template import Template

if TYPE_CHECKING:
    from smolcli.media import Found


def caption(
    files: OpenFiles, paths: Sequence[str], template: Template, access: Access, recursive: bool = False
) -> Iterator[Item]:
    """One job per picture, in the order of the names. Options may be meant for some of them, as pages are."""
    from smolcli.media import find_pictures

    return caption_found(files, find_pictures(paths, recursive), template, access)


def caption_found(files: OpenFiles, found: Iterable[Found], template: Template, access: Access) -> Iterator[Item]:
    """The same of what a search gives. A prompt.txt in a folder is what is asked of the pictures in it."""
    access = replace(access, several=True)

    def of_file(path: str) -> Iterator[Item]:
        try:
            own = folder_prompt(str(Path(path).parent)) if path != "-" else None
        except UsageError as error:
            yield failure(path, error)
            return
        if own is not None:
            yield Expected(0, (f"{Path(path).parent / NAME} says what is asked of the pictures beside it.",))
        yield from each_picture(files, path, template if own is None else template.asking(own), access)

    yield from each_file(found, of_file)


def prefixed(events: Generator[Event], prefix: str) -> Generator[Event]:
    """The same events; every caption begins with some words of the user's."""

    def shown(event: Event) -> Iterator[Event]:
        if isinstance(event, Answer):
            made = replace(event.generation, text=event.generation.text.lstrip())
            yield replace(event, generation=made, prefix=prefix)
        elif not isinstance(event, Piece):  # they would come before the prefix
            yield event

    return passed_on(events, shown)
