"""What a search of folders gives in, its files one after another out, their pages, and a Job for each of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Expected, Failure, Look, failure
from smolcli.media import Media
from smolcli.run import Access, Item, OpenFiles
from smolcli.verbs.template import Template

if TYPE_CHECKING:
    from smolcli.media import Found

T = TypeVar("T")


def each_file(
    found: Iterable[Found], of_file: Callable[[str], Iterator[T]], questions: int = 1
) -> Iterator[T | Failure | Expected]:
    """What is made of every file; a folder that cannot be read is a Failure, and the rest go on.

    questions: how many answers are expected of each file.
    """
    from smolcli.media import FolderError

    for each in found:
        if isinstance(each, Expected):
            yield replace(each, answers=each.answers * questions)
        elif isinstance(each, FolderError):
            yield Expected(1)
            yield failure(each.folder, each)
        else:
            yield from of_file(each)


@contextmanager
def held_pages(files: OpenFiles, path: str, look: Look, access: Access) -> Iterator[Media]:
    """A document or picture, open for a while. Raises MediaError (a clip too), EncryptedError, UsageError (pages)."""
    with files.hold(path, look, access) as media:
        if media.video is not None:
            raise MediaError(f"{path} is a clip, not pages.", f"Try: smol video {shlex.quote(path)}")
        yield media


def each_picture(files: OpenFiles, path: str, template: Template, access: Access) -> Iterator[Item]:
    """A job per picture of a file and question: the pages of a document, or the one picture of an image.

    A file that cannot be read is a Failure. One answer to each question was expected so far.
    """
    try:
        with held_pages(files, path, template.look, access) as media:
            if len(media.places) != 1:
                yield Expected((len(media.places) - 1) * len(template.questions))
            for place in media.places:
                yield from template.jobs([place])
    except SmolError as error:
        yield failure(path, error)
