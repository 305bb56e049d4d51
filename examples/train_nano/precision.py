"""An exported folder as F32, F16 and Q8_0 pairs → what the smaller types cost in reading.

python examples/train_nano precision FOLDER [--cases 200] [--seen] [--report FOLDER]
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gguf_convert.convert import ConvertOptions, convert

from . import report
from .arguments import positive
from .evaluate import CLASSES, REPORTED, check_fonts, measure
from .pair import pair_reader
from .samples import Options

READ = tuple(kind for kind in CLASSES if kind.name in ("line", "sign"))
BOUNDS = {"f32": 0.0, "f16": 0.002, "q8_0": 0.005}  # how far the error rate of a type may lie from that of F32
HEAD = "| type | " + " | ".join(f"{kind.name}, CER" for kind in READ) + " | points from F32 | at most | |"
RULE = "|---|" + "---|" * (len(READ) + 3)


class Errors(NamedTuple):
    """Character error rates (0 … 1) of one type, per class of READ."""

    dtype: str
    rates: tuple[float, ...]


def errors_of(folder: Path, dtype: str, cases: int, options: Options) -> Errors:
    """Convert `folder` with both files of `dtype` and read the classes of READ through smol's engine.

    An answer counts for no more errors than it should have letters: one that runs on without an end, in one type and by
    chance not in the other, would outweigh everything else.
    """
    with tempfile.TemporaryDirectory() as pairs, ExitStack() as stack:
        out = Path(pairs)
        convert(ConvertOptions(str(folder), out, lm=(dtype,), mmproj=(dtype,), name="nano"))
        read = pair_reader(out / f"nano-{dtype}.gguf", out / f"mmproj-nano-{dtype}.gguf", stack)
        return Errors(dtype, tuple(_bounded(measure(read, kind, cases, options)[1]) for kind in READ))


def _bounded(pairs: list) -> float:
    cases = [case for case, _ in pairs]
    return sum(min(case.distance, len(case.right)) for case in cases) / sum(len(case.right) for case in cases)


def line_of(errors: Errors, exact: Errors) -> str:
    """One type as a row of Markdown, beside the errors of F32."""
    rates = " | ".join(f"{rate:.2%}" for rate in errors.rates)
    if errors is exact:
        return f"| {errors.dtype.upper()} | {rates} | | | |"
    furthest, bound = max(abs(a - b) for a, b in zip(errors.rates, exact.rates, strict=True)), BOUNDS[errors.dtype]
    mark = "met" if furthest <= bound else "missed"
    return f"| {errors.dtype.upper()} | {rates} | {furthest * 100:.2f} | {bound * 100:.2f} | {mark} |"


def main(argv: list[str]) -> None:
    """`precision FOLDER …`."""
    parser = argparse.ArgumentParser(prog="train_nano precision", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="an exported folder")
    parser.add_argument("--cases", type=positive(int), default=REPORTED, help="per class and type")
    parser.add_argument("--seen", action="store_true", help="fonts and words of training, fresh seeds")
    parser.add_argument("--report", type=Path, help="write the table into this folder's README.md as well")
    asked = parser.parse_args(argv)
    if asked.report:
        if asked.seen or asked.cases < REPORTED:
            parser.error(f"--report writes what {REPORTED} held-out cases or more of each class give")
        report.check(asked.report, report.TYPES)
    check_fonts(parser, asked.seen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the converted pairs go with it
    options = Options(held=not asked.seen, level=0.0, varied=False)
    found = [errors_of(asked.folder, "f32", asked.cases, options)]
    lines = [HEAD, RULE, line_of(found[0], found[0])]
    print("\n".join(lines), flush=True)
    for dtype in ("f16", "q8_0"):
        found.append(errors_of(asked.folder, dtype, asked.cases, options))
        lines.append(line_of(found[-1], found[0]))
        print(lines[-1], flush=True)
    if asked.report:
        told = (
            f"The same weights in three types, {time.strftime('%d %B %Y')}, {asked.cases} lines and as many signs, "
            "through `smol`; an answer counts for no more errors than it should have letters:"
        )
        report.put(asked.report, report.TYPES, told + "\n\n" + "\n".join(lines))
