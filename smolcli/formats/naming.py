"""The name of an input in, the name of the file about it out: beside it, or in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smolcli.errors import OutputError

STANDARD_INPUT = "stdin"  # what a file about standard input is called


@dataclass(frozen=True, slots=True)
class Extension:
    """What a file about an input ends in, without the dot. whole: the input's own extension stays before it."""

    text: str
    whole: bool = False


class SidecarNames:
    """Names of one run: `photo.jpg` → `photo.txt`, and `photo.png.txt` for a `photo.png` that comes after it.

    folder: where they lie, None for beside each input; what is in a folder of `inputs` lies in `folder` as it does
    there; with "" among them, all that is named from where one is. Of the names that were given only hashes are held:
    two numbers for each input and extension; an input that comes again has the same name again. has_namesake: whether
    another file beside an input has the shorter name by right, read in this run or not: then names do not hang on what
    else is read, or in which order.
    """

    def __init__(
        self, folder: str | None, inputs: Sequence[str], has_namesake: Callable[[str], bool] | None = None
    ) -> None:
        self._folder, self._has_namesake = folder, has_namesake
        roots = {os.path.join(path, "") for path in inputs if path != "-" and os.path.isdir(path)}  # noqa: PTH112, PTH118
        self._roots = sorted(roots, key=len, reverse=True)
        self._from_here = "" in inputs
        self._given: dict[int, int] = {}  # a name → who has it

    def name(self, source: str, extension: Extension) -> tuple[Path, bool]:
        """The file about an input, and whether it is another one than usual, because that was given away.

        Raises OutputError for what would lie outside the folder.
        """
        where = self._where(source)
        name = STANDARD_INPUT if source == "-" else Path(source).name or STANDARD_INPUT
        short = not extension.whole and not (self._has_namesake is not None and self._has_namesake(source))
        tries = [*([Path(name).stem] if short else []), name]
        usual = Path(name).stem if not extension.whole else name
        while True:
            for stem in tries:
                path = where / f"{stem}.{extension.text}"
                key = hash(str(path).casefold())  # a.jpg and A.png: some file systems do not tell them apart
                if self._given.setdefault(key, hash(source)) == hash(source):
                    return path, stem != usual
            last = tries[-1].removeprefix(f"{name}.")
            tries = [f"{name}.{int(last) + 1 if last.isdigit() and last != tries[-1] else 2}"]

    def _where(self, source: str) -> Path:
        """The folder that a file about an input lies in."""
        parent = os.path.dirname(source)  # noqa: PTH120  pathlib would take "./" away, and "-" would be anything
        if self._folder is None:
            return Path(parent)
        root = next((root for root in self._roots if source.startswith(root)), None)
        if root is None and self._from_here and not os.path.isabs(source) and ".." not in Path(source).parts:  # noqa: PTH117
            root = ""
        inner = Path(parent[len(root) :].strip(os.sep)) if root is not None else Path()
        where = Path(self._folder) / inner
        top = Path(os.path.realpath(self._folder))
        if not Path(os.path.realpath(where)).is_relative_to(top):
            raise OutputError(f"{str(where)!r} lies outside the output folder {self._folder!r}.", "Name another one.")
        return where
