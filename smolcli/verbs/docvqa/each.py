"""Documents, one after another: a Job per page and question, in the order of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from smolcli.jobs import Expected, failure
from smolcli.media import FolderError
from smolcli.run import Access, Item, OpenFiles
from smolcli.verbs.pages import each_picture
from smolcli.verbs.template import Template


def docvqa(
    files: OpenFiles, found: Iterable[str | FolderError | Expected], template: Template, access: Access
) -> Iterator[Item]:
    """Ask each page the same questions. A page or a file that cannot be read is a Failure, and the others go on.

    found: paths, or what a search of folders gives.
    """
    if isinstance(found, Sequence):
        yield Expected(len(found) * len(template.questions))
        access = replace(access, several=access.several or len(found) > 1)
    for each in found:
        if isinstance(each, Expected):
            yield Expected(each.answers * len(template.questions))
        elif isinstance(each, FolderError):
            yield Expected(1)
            yield failure(each.folder, each)
        else:
            yield from each_picture(files, [each], template, access)
