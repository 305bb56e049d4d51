"""Failures in, a file of them out, one JSON object a line: what a later run can be given to read again."""

from __future__ import annotations

import json
from pathlib import Path

from smolcli.errors import OutputError
from smolcli.files import OutputFile, writing
from smolcli.formats.json import failure_record, to_json
from smolcli.jobs import Failure
from smolcli.printable import escaped


class FailureFile:
    """The failures of one run, in the place of those of an earlier run; a file without a line says that all is well.

    Raises OutputError where something else is there.
    """

    def __init__(self, path: Path) -> None:
        with writing(f"The file of failures {escaped(str(path))}"):
            if path.is_file() and not _is_ours(path):
                message = f"{escaped(str(path))} holds something else than failures."
                raise OutputError(message, "Name another file with --errors.")
        self._file = OutputFile(path, force=True)

    def add(self, failure: Failure) -> None:
        """Write one line. Raises OutputError."""
        self._file.write(to_json(failure_record(failure)) + "\n")

    def commit(self) -> None:
        """The run is over, or broke off: what failed until then is said. Raises OutputError."""
        self._file.commit()

    def discard(self) -> None:
        """Leave nothing behind, but for what is finished."""
        self._file.discard()


def _is_ours(path: Path) -> bool:
    """Whether a file is empty, or begins with a failure."""
    with path.open("rb") as file:
        line = file.readline(1_000_000)
    try:
        return not line or "failure" in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False
