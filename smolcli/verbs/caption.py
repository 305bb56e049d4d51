"""Files and folders, a Job for each picture in them; a file that cannot be read is a Failure and the rest go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from smolcli.media import Found, find_pictures
from smolcli.run import Access, Item, OpenFiles
from smolcli.verbs.pages import each_file, each_picture
from smolcli.verbs.template import Template


def caption(
    files: OpenFiles, paths: Sequence[str], template: Template, access: Access, recursive: bool = False
) -> Iterator[Item]:
    """One job per picture, in the order of the names. Options may be meant for some of them, as pages are."""
    return caption_found(files, find_pictures(paths, recursive), template, access)


def caption_found(files: OpenFiles, found: Iterable[Found], template: Template, access: Access) -> Iterator[Item]:
    """The same of what a search gives."""
    access = replace(access, several=True)
    yield from each_file(found, lambda path: each_picture(files, path, template, access))
