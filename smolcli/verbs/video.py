"""Clips, one after another: a Job per clip and question."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Expected, failure
from smolcli.run import Access, Item, OpenFiles, pictures_of
from smolcli.verbs.template import Template


def video(files: OpenFiles, paths: Sequence[str], template: Template, access: Access) -> Iterator[Item]:
    """Ask about each clip by itself; an animated picture is one. One that cannot be read is a Failure."""
    yield Expected(len(paths) * len(template.questions))
    for path in paths:
        try:
            with files.hold(path, template.look, replace(access, moving=True)) as media:
                if media.video is None:
                    hint = f'For pictures and documents: smol ask {shlex.quote(path)} "…"'
                    raise MediaError(f"{path!r} is not a clip.", hint)
                yield from template.jobs(pictures_of(media))
        except SmolError as error:
            yield failure(path, error)
