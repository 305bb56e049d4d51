"""Documents, one after another: a Job per page and question, in the order of the pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from smolcli.jobs import Expected
from smolcli.run import Access, Item, OpenFiles
from smolcli.verbs.pages import each_picture
from smolcli.verbs.template import Template


def docvqa(files: OpenFiles, paths: Sequence[str], template: Template, access: Access) -> Iterator[Item]:
    """Ask each page the same questions. A page or a file that cannot be read is a Failure, and the others go on."""
    yield Expected(len(paths) * len(template.questions))
    yield from each_picture(files, paths, template, replace(access, several=len(paths) > 1))
