"""--cut FILE: what was found of a clip in, the same parts of it as a clip out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from smolcli.files import OutputFile
from smolcli.jobs import Answer
from smolcli.media import cut_clip, require_cutting

_BLOCK_BYTES = 1 << 20


@contextmanager
def cut_file(path: Path | None, force: bool) -> Iterator[Callable[[str, Sequence[Answer]], None] | None]:
    """What copies the parts of a clip that answers are about, in its order, into a file that appears whole.

    None where no file is named. Raises UsageError (PyAV), OutputError, before anything is read.
    """
    if path is None:
        yield None
        return
    require_cutting()
    file = OutputFile(path, force)

    def cut(clip: str, found: Sequence[Answer]) -> None:
        """Raises UsageError, MediaError, OutputError."""
        places = [place for answer in found for place in answer.job.places]
        parts_s = sorted(place.window_s for place in places if place.window_s is not None)
        with cut_clip(clip, parts_s, path.suffix) as piece:
            while block := piece.file.read(_BLOCK_BYTES):
                file.write_bytes(block)
        file.commit()

    try:
        yield cut
    finally:
        file.discard()
