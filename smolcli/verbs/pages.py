"""Files in, a Job per picture in them and question out: the pages of a document, or the one picture of an image."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Expected, Failure, failure
from smolcli.run import Access, Item, OpenFiles
from smolcli.verbs.template import Template


def each_picture(
    files: OpenFiles, paths: Iterable[str | Failure], template: Template, access: Access
) -> Iterator[Item]:
    """One file after another; one that cannot be read is a Failure. Of each file one answer was expected so far."""
    for path in paths:
        if isinstance(path, Failure):
            yield path
            continue
        try:
            with files.hold(path, template.look, access) as media:
                if media.video is not None:
                    raise MediaError(f"{path} is a clip, not pages.", f"Try: smol video {shlex.quote(path)}")
                if len(media.places) != 1:
                    yield Expected((len(media.places) - 1) * len(template.questions))
                for place in media.places:
                    yield from template.jobs([place])
        except SmolError as error:
            yield failure(path, error)
