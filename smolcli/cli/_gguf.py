"""What convert, inspect and repair share: a bar of bytes, safe printing."""

from __future__ import annotations

import os
import sys
from typing import Any

from smolcli.cli._console import is_terminal


class ByteBar:
    """A bar on stderr, on a terminal only: bytes, speed and the time left."""

    def __init__(self, quiet: bool) -> None:
        self._shown = not quiet and is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._bar: Any = None

    def __call__(self, step: str, done: int, total: int) -> None:
        """Draw. Called by the conversion after every block."""
        if not self._shown:
            return
        if self._bar is None:
            self._open(total)
        self._bar.update(self._task, description=step, completed=done, total=total)

    def __enter__(self) -> ByteBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _open(self, total: int) -> None:
        from rich import progress as bars
        from rich.console import Console

        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.DownloadColumn(),
            bars.TimeRemainingColumn(),
        )
        self._bar = bars.Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total)
        self._bar.start()
