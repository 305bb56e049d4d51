"""A model → how well it reads what the table leaves out: small pictures, other letters, screens, photographs of pages.

python examples/train_nano robustness LANGUAGE.gguf PROJECTOR.gguf [--cases 100] [--report FOLDER]

The same kind of text everywhere: held-out words, and held-out fonts but in the rows about letters. No targets.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from . import prompts, report
from .arguments import positive
from .drawing import fonts, pages
from .drawing.canvas import Canvas, join
from .drawing.colours import ink_and_paper
from .drawing.hard import compressed, photographed, window
from .drawing.sheet import Drawn, Sheet
from .evaluate import LONGEST, REPORTED, SEED, Row, check_fonts, judged, reader_of
from .geometry import Layout, layout_of
from .samples import Options, Sample, assemble

DARK, LIGHT = ((238, 238, 238), (24, 26, 30)), ((0, 0, 0), (255, 255, 255))  # ink and paper


class Condition(NamedTuple):
    """What is drawn. size: the picture's, px; px: font sizes as the model sees them; None: any held-out family, colour.

    after: what happens to the page before it is read. A screen's own drawing is done `before` the text, and says where
    the text may go: (x, y, width), px.
    """

    name: str
    size: tuple[int, int] = (512, 384)
    px: tuple[float, float] = (20, 30)
    sources: tuple[str, ...] | None = None
    colours: tuple | None = None
    after: Callable[[Canvas, random.Random], None] | None = None
    before: Callable[[Canvas, random.Random], tuple[float, float, float]] | None = None
    split: bool = True
    most_lines: int = 5


CONDITIONS = (
    Condition("clean pages"),
    Condition("64-px pictures, enlarged", (64, 64), (34, 56), split=False, most_lines=2),
    Condition("screenshots", before=window, px=(19, 22)),
    Condition("Pillow's own letters", sources=("pillow:",)),
    Condition("OpenCV's own letters", sources=("hershey:0", "hershey:2", "hershey:3", "hershey:4")),
    Condition(
        "base-14 PDF fonts", sources=tuple(f"base14:{code}" for code in ("helv", "hebo", "tiro", "tiit", "cour"))
    ),
    Condition("letters of 14 to 18 px", px=(14, 18)),
    Condition("JPEG at quality 40", after=compressed),
    Condition("dark mode", colours=DARK),
    Condition("photographs of pages", colours=LIGHT, after=photographed),
)


def sheet_of(rng, condition: Condition, held: bool) -> Sheet:
    """The blank sheet on which the condition's text is drawn."""
    ink, paper = condition.colours or ink_and_paper(rng)
    layout = layout_of(*condition.size) if condition.split else Layout()
    source = rng.choice(condition.sources) if condition.sources else fonts.pick(rng, held)
    return Sheet(rng, Canvas(*condition.size, paper), layout, ink, held, source)


def sample_of(rng, condition: Condition, held: bool = True) -> Sample:
    """One page of the condition and the request to transcribe it."""
    while True:
        sheet = sheet_of(rng, condition, held)
        x, y, width = condition.before(sheet.canvas, rng) if condition.before else (sheet.margin, 0, sheet.room)
        size = sheet.px(rng.uniform(*condition.px))
        lines = pages.wrap(sheet, size, (x, y + size * 1.2, width), rng.randrange(1, condition.most_lines + 1))
        answer = join(lines)
        if lines and len(answer.text) <= LONGEST:
            break
    if condition.after:
        condition.after(sheet.canvas, rng)
    drawn = Drawn([sheet.canvas], rng.choice(prompts.READ), answer)
    return assemble(rng, condition.name, sheet.layout, drawn, Options(held, level=0.0, varied=False))


def samples_of(condition: Condition, count: int, held: bool) -> Iterator[Sample]:
    """The condition's samples, the same at every call."""
    for number in range(count):
        yield sample_of(random.Random(f"{SEED}/{condition.name}/{number}"), condition, held)


HEAD = "| pages | cases | CER | exact | lines right |\n|---|---|---|---|---|"


def line_of(row: Row) -> str:
    """The row as Markdown."""
    return f"| {row.name} | {row.cases} | {row.cer:.1%} | {row.exact:.1%} | {row.lines:.1%} |"


def main(argv: list[str]) -> None:
    """`robustness WEIGHTS …`."""
    parser = argparse.ArgumentParser(prog="train_nano robustness", description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+", help="as for evaluate: a checkpoint, a folder, or a GGUF pair")
    parser.add_argument("--cases", type=positive(int), default=100, help="per row")
    parser.add_argument("--row", dest="rows", action="append", choices=[condition.name for condition in CONDITIONS])
    parser.add_argument("--seen", action="store_true", help="fonts and words of training, fresh seeds")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=positive(int), help="of torch; 1 beside a training run")
    parser.add_argument("--report", type=Path, help="write the table into this folder's README.md as well")
    asked = parser.parse_args(argv)
    _check(parser, asked)
    with ExitStack() as stack:
        lines = _table(reader_of(asked, stack), asked)
    if asked.report:
        told = f"One to five lines of text, {time.strftime('%d %B %Y')}, {asked.cases} cases a row, no targets:"
        report.put(asked.report, report.ROBUSTNESS, told + "\n\n" + "\n".join(lines))


def _check(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """Everything that can be wrong, before the minutes that measuring takes."""
    if len(asked.weights) > 2:
        parser.error("one checkpoint, or the two files of a GGUF pair")
    if asked.report:
        if asked.seen or asked.rows or asked.cases < REPORTED // 2:
            parser.error(f"--report writes every row, of held-out pages, {REPORTED // 2} cases or more of each")
        report.check(asked.report, report.ROBUSTNESS)
    check_fonts(parser, asked.seen)


def _table(read: Callable[[Sample], str], asked: argparse.Namespace) -> list[str]:
    """Print the table row by row; returns its lines."""
    lines = [HEAD]
    print(HEAD, flush=True)
    for condition in CONDITIONS:
        if not asked.rows or condition.name in asked.rows:
            row, _ = judged(read, condition.name, samples_of(condition, asked.cases, not asked.seen))
            lines.append(line_of(row))
            print(lines[-1], flush=True)
    return lines
