"""Answers about clips go in, the frames that were read for them come out as PNG files in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from smolcli.datatypes import RGB, Place
from smolcli.errors import MediaError, OutputError
from smolcli.files import OutputFile, same_bytes, writing
from smolcli.formats.naming import Extension, SidecarNames
from smolcli.jobs import Answer


class SavedFrames:
    """`clip.t=00012.50.png` for what clip.mp4 shows 12.5 seconds from its start; each frame once.

    inputs: clips as they were named. force: files that hold something else are replaced. note: hears of a frame that
    cannot be had any more. Raises OutputError for a folder that is none.
    """

    def __init__(self, folder: Path, inputs: Sequence[str], force: bool, note: Callable[[str], None]) -> None:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{str(folder)!r} is not a folder.", "Name another one with --save-frames.")
        self._names, self._force, self._note = SidecarNames(str(folder), inputs), force, note
        self._saved: set[tuple[str, int, float | None]] = set()

    def take(self, answer: Answer, picture: Callable[[Place], RGB]) -> None:
        """Save the frames of an answer. picture: a place's, uint8 (H, W, 3). Raises OutputError."""
        for place in answer.places:
            key = place.source.path, place.index, place.time_s
            if place.source.kind != "video" or key in self._saved:
                continue
            self._saved.add(key)
            try:
                rgb = picture(place)
            except MediaError as error:
                self._note(f"{place.uri!r} is not saved: {error.message}")
                continue
            self._write(place, rgb)

    def _write(self, place: Place, rgb: RGB) -> None:
        from smolcli.formats.pictures import png

        path, _ = self._names.name(place.source.path, Extension(f"t={place.time_s or 0.0:08.2f}.png"))
        with writing(str(path.parent)):
            path.parent.mkdir(parents=True, exist_ok=True)
        file = OutputFile(path, self._force, same_bytes)
        try:
            file.write_bytes(png(rgb))
            file.check()
            file.commit()
        finally:
            file.discard()
