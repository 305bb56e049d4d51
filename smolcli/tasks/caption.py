"""Many files, one caption for each picture in them; a file that cannot be read is a Failure and the rest go on."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from smolcli.datatypes import Failure
from smolcli.engine import Engine
from smolcli.media import MediaOptions
from smolcli.tasks.answering import Event, ask_engine
from smolcli.tasks.pages import Opened, ask_files
from smolcli.tasks.planning import Style


def caption(
    engine: Engine, paths: Iterable[str | Failure], options: MediaOptions, style: Style, opened: Opened
) -> Generator[Event]:
    """One answer per picture, as each is finished; several are read at once when the engine is parallel."""
    asked = ([style.prompt.default_question], style)
    return ask_engine(engine, ask_files(engine, paths, options, asked, opened))
