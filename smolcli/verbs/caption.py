"""Files and folders, a Job for each picture in them; a file that cannot be read is a Failure and the rest go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smolcli.jobs import Expected, Failure, failure
from smolcli.media import FolderError, find_pictures
from smolcli.run import Access, OpenFiles
from smolcli.verbs.pages import each_picture
from smolcli.verbs.template import Item, Template


def caption(
    files: OpenFiles, paths: Sequence[str], template: Template, access: Access, recursive: bool = False
) -> Iterator[Item]:
    """One job per picture, in the order of the names; how many there are is known when the last folder was read."""

    def found() -> Iterator[str | Failure]:
        for path in find_pictures(paths, recursive):
            yield failure(path.folder, path) if isinstance(path, FolderError) else path

    for path in found():
        yield Expected(1)
        yield from each_picture(files, [path], template, access)
