"""A page's picture and boxes in it go in, a PNG with the boxes marked comes out: what an answer was taken from.

marked = MarkedPages(folder, inputs, numbers, is_input, force)
of_file = marked.begin("scans/invoice.pdf", [1, 2])
of_file.write(answer, rgb)                                # folder/invoice.evidence.png
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smolcli.datatypes import RGB, Box
from smolcli.errors import OutputError
from smolcli.files import OutputFile, writing
from smolcli.formats.naming import Extension, SidecarNames
from smolcli.jobs import Answer

_COLOUR = (220, 30, 30)
_TINT = 0.25  # of the colour, over what is marked
_THICK = 1 / 300  # of the picture's longer side: a mark's frame


@dataclass(frozen=True, slots=True)
class Marking:
    """What is marked. folder: for the pictures; inputs: as they were named; questions: as many are asked of each.

    is_input: whether a file is itself to be read. force: files that exist are replaced.
    """

    folder: Path
    inputs: Sequence[str]
    questions: int
    is_input: Callable[[Path], bool]
    force: bool = False


class MarkedPages:
    """The pictures of one run. Names are given out in the order of the files, so that they are the same every time."""

    def __init__(self, marking: Marking) -> None:
        self._marking = marking
        if marking.folder.exists() and not marking.folder.is_dir():
            raise OutputError(f"{str(marking.folder)!r} is not a folder.", "Name another one with --evidence.")
        self._names = SidecarNames(str(marking.folder), marking.inputs)

    def begin(self, source: str, page: int | None = None) -> MarkedFile:
        """The pictures about a file, or one page of it, before anything is asked. Raises OutputError."""
        at = "" if page is None else f"page-{page}."
        ends = [f"-{number}" for number in range(1, self._marking.questions + 1)]
        ends = ends if len(ends) > 1 else [""]
        paths = [self._names.name(source, Extension(f"{at}evidence{end}.png"))[0] for end in ends]
        for path in paths:
            if path.exists() and self._marking.is_input(path):
                raise OutputError(f"{str(path)!r} is itself to be read.", "Name another folder with --evidence.")
            if path.exists() and not self._marking.force:
                raise OutputError(f"The output {str(path)!r} exists.", "Add --force to replace it.")
        return MarkedFile(tuple(paths), self._marking.force)


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """The pictures about one file: one for each question, in order."""

    paths: tuple[Path, ...]
    force: bool

    def write(self, number: int, answer: Answer, rgb: RGB, beside: str = "") -> None:
        """The page uint8 (H, W, 3) that answers a question (0-based), where it stands marked. Raises OutputError.

        beside: "page 2", of another page that has a part of the answer: a picture of its own.
        """
        path = self.paths[number]
        if beside:
            path = path.with_name(f"{path.stem}.{beside.replace(' ', '-')}{path.suffix}")
        with writing(str(path.parent)):
            path.parent.mkdir(parents=True, exist_ok=True)
        file = OutputFile(path, self.force)
        try:
            file.write_bytes(marked(rgb, [place.box for place in answer.evidence if place.box is not None]))
            file.commit()
        finally:
            file.discard()


def marked(rgb: RGB, boxes: Sequence[Box]) -> bytes:
    """uint8 (H, W, 3) → a PNG of it with boxes (shares of it) framed and tinted."""
    import numpy as np
    from PIL import Image

    shown = rgb.copy()
    height, width = shown.shape[:2]
    thick = max(2, round(max(height, width) * _THICK))
    for left, top, wide, high in boxes:
        x0, y0 = max(0, round(left * width) - 2 * thick), max(0, round(top * height) - 2 * thick)
        x1, y1 = (
            min(width, round((left + wide) * width) + 2 * thick),
            min(height, round((top + high) * height) + 2 * thick),
        )
        inner = shown[y0:y1, x0:x1].astype(np.float32)
        tinted = inner * (1 - _TINT) + np.minimum(inner, np.array(_COLOUR, np.float32)) * _TINT
        shown[y0:y1, x0:x1] = tinted.astype(np.uint8)
        for edge in (np.s_[y0 : y0 + thick, x0:x1], np.s_[y1 - thick : y1, x0:x1]):
            shown[edge] = _COLOUR
        for edge in (np.s_[y0:y1, x0 : x0 + thick], np.s_[y0:y1, x1 - thick : x1]):
            shown[edge] = _COLOUR
    data = io.BytesIO()
    Image.fromarray(shown).save(data, "PNG")
    return data.getvalue()
