"""Results of `evaluate` and `precision` → the measured parts of the model's README; worst cases as pictures."""

import html
import re
import time
from itertools import chain, zip_longest
from pathlib import Path
from typing import NamedTuple

from .drawing.words import corpus
from .evaluate import HEAD, Case, Result, line_of
from .samples import Sample


class Marks(NamedTuple):
    """The lines between which a part stands."""

    begin: str
    end: str


TABLE = Marks("<!-- measured: written by `make eval-nano` -->", "<!-- end of what was measured -->")
TYPES = Marks("<!-- types: written by `make eval-nano` -->", "<!-- end of the types -->")
WORST = 20  # pictures in the README
_UNFIT = re.compile("milf|porn|fuck|shit|cunt|nigg|rape", re.IGNORECASE)  # lists of frequent words have these too
_SIDE_PX = 480  # of a picture in the README, at most


def write(folder: Path, weights: list[Path], results: list[Result]) -> None:
    """Replace the table in `folder`/README.md, and the pictures in `folder`/worst."""
    check(folder, TABLE)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in weights)
    words = len(corpus(held=True).words)
    cases = max(result.row.cases for result in results)
    parts = [
        f"Measured on {time.strftime('%d %B %Y')}, {cases} cases a class, {words:,} held-out words, with {sizes}.",
        "\n".join([HEAD, *(line_of(result.kind, result.row) for result in results)]),
        _worst_table(folder / "worst", results),
    ]
    put(folder, TABLE, "\n\n".join(parts))


def put(folder: Path, marks: Marks, text: str) -> None:
    """Replace what stands between the marks in `folder`/README.md."""
    before, after = check(folder, marks)
    (folder / "README.md").write_text("\n\n".join([before + marks.begin, text, marks.end + after]))


def check(folder: Path, marks: Marks) -> tuple[str, str]:
    """What stands before and after the marks in `folder`/README.md. Exits with a sentence where they are not."""
    readme = folder / "README.md"
    text = readme.read_text() if readme.is_file() else ""
    before, begun, rest = text.partition(marks.begin)
    _, ended, after = rest.partition(marks.end)
    if not (begun and ended):
        raise SystemExit(f"{readme}: the lines {marks.begin!r} and {marks.end!r} show where it goes; put them in")
    return before, after


def worst(results: list[Result]) -> list[tuple[str, Case, Sample]]:
    """The worst wrong answer of each class, then the second worst of each, and so on."""
    rounds = zip_longest(*([(result.row.name, *pair) for pair in result.worst] for result in results))
    return [entry for entry in chain.from_iterable(rounds) if entry and not _UNFIT.search(entry[1].right)][:WORST]


def _worst_table(folder: Path, results: list[Result]) -> str:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    chosen = worst(results)
    lines = ["| class | picture | asked | right | said |", "|---|---|---|---|---|"]
    for number, (name, case, sample) in enumerate(chosen, 1):
        picture = folder / f"{number:02d}.png"
        _save(sample, picture)
        shown = f'<img src="worst/{picture.name}" width="220" alt="{_cell(case.right)}">'
        cells = [name, shown, *(_cell(text) for text in (case.question, case.right, case.said))]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        f"The {len(chosen)} worst answers, taken from the classes in turn (of a clip, its last frame; a few "
        "words of the frequency list are not shown):\n\n" + "\n".join(lines)
    )


def _cell(text: str) -> str:
    """Any text as one cell of a Markdown table."""
    return html.escape(text).replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;").replace("\n", "<br>")


def _save(sample: Sample, path: Path) -> None:
    picture = sample.pictures[-1].convert("RGB")
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    picture.quantize(64).save(path, optimize=True)
