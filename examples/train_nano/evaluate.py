"""Weights → the table: error rates per class on fonts, words and seeds that training never saw.

python examples/train_nano evaluate RUN/last.pt [--cases 200] [--class NAME]… [--json FILE] [--report FOLDER]
"""

import argparse
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from . import prompts, vocabulary
from .arguments import positive
from .drawing import fonts
from .geometry import GRIDS, UNSPLIT, Layout
from .samples import CLIP, Options, Sample, draw

SEED = "held out"  # with the class's name and the case's number: the same cases for everybody, on the same fonts
WIDE, TALL, SQUARE = GRIDS[1:]
CLIPS = tuple(Layout(frames=count) for count in (2, 3, 4, 6, 8, 16))
LONGEST = 240  # characters of the right answer
REPORTED = 200  # cases per class of a table that is written down
KEPT = 4  # worst cases that are kept of each class
_FREE = {*prompts.READ, *prompts.DESCRIBE, *prompts.FIELDS, *prompts.ANY_TEXT}


def reads(sample: Sample) -> bool:
    """A transcription."""
    return sample.question in prompts.READ and sample.text != prompts.NO_TEXT


def asks_value(sample: Sample) -> bool:
    """A question for one value that the page does answer."""
    return sample.question not in _FREE and sample.text not in (prompts.NOT_FOUND, prompts.YES, prompts.NO)


def asks_in_vain(sample: Sample) -> bool:
    """A question that the page does not answer."""
    return sample.text == prompts.NOT_FOUND


def reads_in_vain(sample: Sample) -> bool:
    """The request to read where there is nothing to read."""
    return sample.text == prompts.NO_TEXT


def anything(sample: Sample) -> bool:
    """Every question."""
    return True


@dataclass(frozen=True)
class Class:
    """One row of the table: which samples, what is measured and how good it shall be."""

    name: str
    tasks: tuple[str, ...]
    layouts: tuple[Layout, ...]
    asked: Callable[[Sample], bool]
    measure: str  # "CER" (character error rate) or "exact" (share of exact answers)
    target: float | None = None
    most_refused: float = 1.0  # share of answered questions that may be refused


CLASSES = (
    Class("line", ("word", "line"), (UNSPLIT,), reads, "CER", 0.02),
    Class("sign", ("sign",), (WIDE, TALL, SQUARE), reads, "CER", 0.03),
    Class("paragraph", ("paragraph",), (SQUARE,), reads, "CER", 0.05),
    Class("columns", ("columns",), (SQUARE,), reads, "CER"),
    Class("field", ("form", "receipt"), (WIDE, TALL, SQUARE), asks_value, "exact", 0.8, 0.03),
    Class("table", ("table",), (SQUARE,), asks_value, "exact"),
    Class("shape", ("shape",), (UNSPLIT, WIDE, TALL, SQUARE), anything, "exact", 0.95),
    Class("scene", ("scene",), (SQUARE,), anything, "exact"),
    Class("clip", (CLIP,), CLIPS, anything, "exact", 0.9),
    Class("no text", ("photo", "photo", "scene", "shape"), (WIDE, TALL, SQUARE), reads_in_vain, "exact", 0.98),
    Class("not found", ("form", "receipt", "table"), (WIDE, TALL, SQUARE), asks_in_vain, "exact", 0.8),
)


@dataclass
class Case:
    """One question, the right answer, what was said, and their edit distance."""

    question: str
    right: str
    said: str
    distance: int


@dataclass
class Row:
    """Result of a class."""

    name: str
    cases: int
    cer: float
    exact: float
    refused: float  # share of answers that say "Not found." or "There is no text." where there is an answer


@dataclass
class Result:
    """A row, and its worst wrong answers with what was drawn, the worst first."""

    kind: Class
    row: Row
    worst: list[tuple[Case, Sample]]


def edit_distance(a: str, b: str) -> int:
    """Least number of characters to put in, take out or change (Levenshtein)."""
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def cases_of(kind: Class, count: int, options: Options):
    """The class's samples, the same at every call."""
    for number in range(count):
        rng = random.Random(f"{SEED}/{kind.name}/{number}")
        while True:
            sample = draw(rng, rng.choice(kind.tasks), rng.choice(kind.layouts), options)
            if kind.asked(sample) and len(sample.text) <= LONGEST:
                yield sample
                break


def measure(reader: Callable[[Sample], str], kind: Class, count: int, options: Options) -> tuple[Row, list]:
    """The row of one class, and its (case, sample) pairs from worst to best."""
    seen = []
    for sample in cases_of(kind, count, options):
        said = reader(sample).strip()
        seen.append((Case(sample.question, sample.text, said, edit_distance(said, sample.text)), sample))
    cases = [case for case, _ in seen]
    refusals = (prompts.NOT_FOUND, prompts.NO_TEXT)
    row = Row(
        name=kind.name,
        cases=len(cases),
        cer=sum(case.distance for case in cases) / sum(len(case.right) for case in cases),
        exact=sum(case.said == case.right for case in cases) / len(cases),
        refused=sum(case.said in refusals and case.right not in refusals for case in cases) / len(cases),
    )
    return row, sorted(seen, key=lambda pair: -pair[0].distance / len(pair[0].right))


def met(kind: Class, row: Row) -> bool:
    """Whether the row is as good as its target."""
    if kind.target is None:
        return True
    good = row.cer <= kind.target if kind.measure == "CER" else row.exact >= kind.target
    return good and row.refused <= kind.most_refused


def line_of(kind: Class, row: Row) -> str:
    """The row as Markdown."""
    sign = "≤" if kind.measure == "CER" else "≥"
    target = f"{kind.measure} {sign} {kind.target:.0%}" if kind.target else ""
    target += f", refused ≤ {kind.most_refused:.0%}" if kind.most_refused < 1 else ""
    mark = ("met" if met(kind, row) else "missed") if target else ""
    return f"| {row.name} | {row.cases} | {row.cer:.1%} | {row.exact:.1%} | {row.refused:.1%} | {target} | {mark} |"


HEAD = "| class | cases | CER | exact | refused | target | |\n|---|---|---|---|---|---|---|"


def trained_reader(path: Path, device: str) -> Callable[[Sample], str]:
    """Reads with the weights of a checkpoint, in the trainer's own PyTorch."""
    from . import runs

    model = runs.load_model(path, device)
    return lambda sample: vocabulary.decode(model.read(sample.tiles, sample.prompt, 2 * len(sample.text) + 20))


def main(argv: list[str]) -> None:
    """`evaluate CHECKPOINT …`."""
    parser = argparse.ArgumentParser(prog="train_nano evaluate", description=__doc__.splitlines()[0])
    parser.add_argument(
        "weights", type=Path, nargs="+", help="RUN/last.pt, an exported folder, or the two files of a GGUF pair"
    )
    parser.add_argument("--cases", type=positive(int), default=200, help="per class")
    parser.add_argument("--class", dest="classes", action="append", choices=[kind.name for kind in CLASSES])
    parser.add_argument("--seen", action="store_true", help="fonts and words of training, fresh seeds")
    parser.add_argument("--wear", type=float, default=0.0, help="0: clean pages; training draws with 0.5")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=positive(int), help="of torch; 1 beside a training run")
    parser.add_argument("--json", type=Path, help="write rows here as well")
    parser.add_argument("--report", type=Path, help="write the table and the worst cases into this folder's README.md")
    asked = parser.parse_args(argv)
    _check(parser, asked)
    options = Options(held=not asked.seen, level=asked.wear, varied=False)
    with ExitStack() as stack:
        results = _table(_reader(asked, stack), options, asked)
    if asked.json:
        rows = [asdict(result.row) for result in results]
        asked.json.write_text(json.dumps({"weights": list(map(str, asked.weights)), "rows": rows}, indent=1) + "\n")
    if asked.report:
        from . import report

        report.write(asked.report, asked.weights, results)


def _check(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """Everything that can be wrong, before the minutes that measuring takes."""
    from . import report

    if len(asked.weights) > 2:
        parser.error("one checkpoint, or the two files of a GGUF pair")
    if asked.json and not asked.json.absolute().parent.is_dir():
        parser.error(f"--json {asked.json}: there is no folder {asked.json.parent}")
    if asked.report:
        if asked.classes or asked.seen or asked.wear or asked.cases < REPORTED:
            parser.error(
                f"--report writes the whole table: held-out clean pages, {REPORTED} cases or more of every class"
            )
        report.check(asked.report)
    families = {family.name for family in fonts.families(held=True)[0]}
    missing = [name for name in fonts.HELD_OUT if not any(family.startswith(name) for family in families)]
    if missing and not asked.seen:
        parser.error(f"the fonts {', '.join(missing)} are not installed (README.md names the packages); or --seen")


def _reader(asked: argparse.Namespace, stack: ExitStack) -> Callable[[Sample], str]:
    if len(asked.weights) == 2:
        from .pair import pair_reader

        return pair_reader(*asked.weights, stack)
    if asked.threads:
        import torch

        torch.set_num_threads(asked.threads)
    return trained_reader(asked.weights[0], asked.device)


def _table(reader: Callable[[Sample], str], options: Options, asked: argparse.Namespace) -> list[Result]:
    """Print the table row by row; returns the results."""
    print(HEAD, flush=True)
    results = []
    for kind in CLASSES:
        if asked.classes and kind.name not in asked.classes:
            continue
        row, pairs = measure(reader, kind, asked.cases, options)
        results.append(Result(kind, row, [pair for pair in pairs[:KEPT] if pair[0].distance]))
        print(line_of(kind, row), flush=True)
    return results
