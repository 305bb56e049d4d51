"""Documents, one after another: an answer per page and question, in the order of the pages."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from smolcli.datatypes import Failure
from smolcli.engine import Engine
from smolcli.media import Media, MediaOptions
from smolcli.tasks.answering import Event, ask_engine
from smolcli.tasks.pages import Opened, ask_files, in_order
from smolcli.tasks.planning import Style


def docvqa(
    engine: Engine,
    files: Iterable[str | Media | Failure],
    options: MediaOptions,
    asked: tuple[Sequence[str], Style],
    opened: Opened = lambda media, plans: None,
) -> Generator[Event]:
    """Ask each page the same questions; answers come page by page, even when several pages are read at once.

    A page or a file that cannot be read is a Failure, and the others go on.
    """
    return in_order(ask_engine(engine, ask_files(engine, files, options, asked, opened)))
