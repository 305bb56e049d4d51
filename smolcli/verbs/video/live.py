"""What goes on in, a job for each window of it and question out."""

from __future__ import annotations

from collections.abc import Iterator

from smolcli.errors import SmolError
from smolcli.jobs import Expected, failure
from smolcli.media import Live
from smolcli.run import Item, OpenFiles
from smolcli.verbs.template import Template


def live_windows(files: OpenFiles, live: Live, template: Template) -> Iterator[Item]:
    """Ask about each window once it is over; a source that stays away is a Failure at the end."""
    try:
        for window in live.windows():
            yield Expected(len(template.questions))
            with files.holding(window, template.look):
                yield from template.jobs([window.place])
    except SmolError as error:
        yield failure(live.name, error)
