"""--plot FILE: a record of measurements in, a chart of it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from smolcli.files import open_target
from smolcli.formats import chart_bytes, check_chart
from smolcli.measurements import Record


@contextmanager
def plot_file(path: Path | None, force: bool) -> Iterator[Callable[[Record], None] | None]:
    """What draws a record into a file that appears whole; None where no file is named.

    Raises UsageError, OutputError for what could not be written, before anything is measured.
    """
    if path is None:
        yield None
        return
    check_chart(path)
    target = open_target(str(path), force)
    try:
        yield lambda record: target.write_bytes(chart_bytes(record, path.suffix))
        target.commit()
    finally:
        target.discard()
