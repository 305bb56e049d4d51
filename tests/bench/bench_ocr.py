"""How well and how fast documents are read: character and word errors by kind of page, beside Tesseract.

    make bench-ocr ARGS="--kinds page,small --pages 3 --dpi 200 --wear clean --layout lines --types q8_0"

Without ARGS all kinds, clean and worn, at 150, 200 and 300 dpi, in every form, and lines with the model in 16 bits too:
an hour or two.

Pages are drawn with known text (tests/documents.py). Errors are of lines in reading order, white space as one space:
cells of a row and columns of a page count where they stand in the wrong order. Tesseract, where it is installed, reads
the same pictures with one thread (OMP_THREAD_LIMIT=1: several times faster than with its default).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import jiwer
import records
from documents import KINDS, Drawn, draw_document

from smolcli.datatypes import ModelPair
from smolcli.engine import EngineOptions
from smolcli.jobs import Answer, Look
from smolcli.media import find_pages
from smolcli.models import builtin, builtin_pages, resolve
from smolcli.reader import Reader
from smolcli.run import Access, RunOptions
from smolcli.verbs.ocr import Form, How, Ocr

RECORDED = "--kinds page,small --wear clean --dpi 200 --layout lines --types q8_0 --rounds 5"
ROOT = Path(__file__).resolve().parents[2]
Errors = tuple[float, float]  # of characters and of words, as shares of what was drawn
TESSERACT = "Tesseract"


def errors(want: str, got: str) -> Errors:
    """CER and WER, white space as one space."""
    want, got = " ".join(want.split()), " ".join(got.split())
    if not want:
        return (0.0, 0.0) if not got else (1.0, 1.0)
    return jiwer.cer(want, got), jiwer.wer(want, got)


def read_all(reader: Reader, files: Sequence[Path], form: Form) -> list[str]:
    """The text of every page through the verb, as the command does it."""
    template = reader.template("transcribe", look=Look(dpi=200))
    ocr = Ocr(reader.files, find_pages(map(str, files), False), template, Access(several=True), How(form, "bench"))
    return [event.text for event in ocr.pages(reader.stream(ocr.jobs())) if isinstance(event, Answer)]


def tesseract(file: Path, dpi: int) -> str:
    """What Tesseract reads in a picture, with one thread."""
    command = ["tesseract", str(file), "-", "--dpi", str(dpi)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def drawn_files(pages: Sequence[Drawn], folder: Path) -> Iterator[Path]:
    """The pages as pictures, in order."""
    for number, page in enumerate(pages):
        file = folder / f"{number:03}.png"
        cv2.imwrite(str(file), page.rgb[:, :, ::-1])
        yield file


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of processors: what a machine that others use too does not change as much."""

    wall: float
    cpu: float


def timed(read: Callable[[], list[str]]) -> tuple[list[str], Spent]:
    """What is read, and what was spent on it, child processes included."""
    start, before = time.perf_counter(), cpu_s()
    texts = read()
    return texts, Spent(time.perf_counter() - start, cpu_s() - before)


def cpu_s() -> float:
    """Seconds that this process and its children kept processors busy."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def show(name: str, pages: Sequence[Drawn], texts: Sequence[str], spent: Sequence[Spent]) -> tuple[float, list[float]]:
    """A row of the table: means over pages, medians of turns. What is recorded of it: CER, and seconds a page."""
    found = [errors(page.text, text) for page, text in zip(pages, texts, strict=True)]
    cer, wer = (sum(values) / len(found) for values in zip(*found, strict=True))
    wall, cpu = (median(values) / len(pages) for values in zip(*((each.wall, each.cpu) for each in spent), strict=True))
    print(f"  {name:16} CER {cer:7.2%}  WER {wer:7.2%}  {wall:6.2f} s a page, CPU {cpu:6.2f} s", flush=True)
    return cer, [each.wall / len(pages) for each in spent]


def full_precision(folder: Path) -> ModelPair:
    """The built-in model in 16 bits, unpacked and packed again."""
    sys.path.insert(0, str(ROOT / "examples"))
    from train_nano.unpack import SHIPPED, unpack

    from gguf_convert.convert import ConvertOptions, convert

    unpack(SHIPPED, folder / "unpacked")
    convert(ConvertOptions(str(folder / "unpacked"), folder, lm=("f16",), mmproj=("f16",), name="nano"))
    return ModelPair(folder / "nano-f16.gguf", folder / "mmproj-nano-f16.gguf", "nano-f16", builtin().max_frames)


def options() -> argparse.Namespace:
    """What is measured."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    found.add_argument("--kinds", default=",".join(KINDS))
    found.add_argument("--pages", type=int, default=2)
    found.add_argument("--dpi", default="150,200,300")
    found.add_argument("--wear", default="clean,worn")
    found.add_argument("--layout", default="lines,blocks,page")
    found.add_argument("--types", default="q8_0,f16", help="of the built-in model; f16 reads lines only")
    found.add_argument("--parallel", type=int, default=8)
    found.add_argument("--rounds", type=int, default=1, help="turns; more than one for times that are recorded")
    found.add_argument("--rows", type=int)
    found.add_argument("--letter-px", type=float)
    found.add_argument("-m", "--model", help="another model, as it is")
    records.add_option(found)
    found.add_argument("--show", action="store_true", help="the text beside what was drawn")
    return found.parse_args()


def pairs(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, ModelPair]]:
    """The models to read with, by name."""
    if given.model:
        yield given.model, resolve(given.model, None)
        return
    for kind in given.types.split(","):
        yield kind, full_precision(folder) if kind == "f16" else builtin()


def measure(
    given: argparse.Namespace, readers: Sequence[tuple[str, Reader]], pages: Sequence[Drawn]
) -> Iterator[tuple[str, float, list[float]]]:
    """Read pages with each model in each form, and with Tesseract, in turns: name, CER and seconds a page."""
    known = {} if given.model else dict(builtin_pages())
    known |= {name: value for name in ("rows", "letter_px") if (value := getattr(given, name)) is not None}
    with tempfile.TemporaryDirectory() as folder:
        files = list(drawn_files(pages, Path(folder)))
        contenders: dict[str, Callable[[], list[str]]] = {}
        for number, (name, reader) in enumerate(readers):
            for layout in given.layout.split(",") if number == 0 else ["lines"]:
                form = Form(**{"side_px": reader.facts.tile_px, **known, "layout": layout})
                contenders[f"{layout} {name}"] = partial(read_all, reader, files, form)
        if shutil.which("tesseract"):
            contenders[TESSERACT] = lambda: [tesseract(file, pages[0].dpi) for file in files]
        turns = {name: partial(timed, read) for name, read in contenders.items()}
        for name, made in records.in_turns(turns, given.rounds).items():
            texts = made[0][0]
            yield name, *show(name, pages, texts, [spent for _, spent in made])
            if given.show and name != TESSERACT:
                for page, text in zip(pages, texts, strict=True):
                    print(page.text, text, sep="\n---\n")


def main() -> None:
    """Every class of pages in turn."""
    given = options()
    running = EngineOptions(parallel=given.parallel)
    settings = (f"{given.pages} pages of each kind, {given.parallel} pieces at a time",)
    model = builtin() if not given.model else resolve(given.model, None)
    recorded = records.Found("ocr", "Drawn pages, read with a model and with Tesseract", model, settings)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        readers = [
            (name, stack.enter_context(Reader(pair, running, None, RunOptions())))
            for name, pair in pairs(given, Path(folder))
        ]
        for _, reader in readers:  # loaded before the clock runs
            reader.engine.embed(draw_document("blank", 0).rgb[: reader.facts.tile_px, : reader.facts.tile_px])
        for kind, wear, dpi in product(given.kinds.split(","), given.wear.split(","), map(int, given.dpi.split(","))):
            print(f"{kind}, {wear}, {dpi} dpi, {given.pages} pages:", flush=True)
            pages = [draw_document(kind, seed, dpi, wear) for seed in range(given.pages)]
            what = f"{kind}, {wear}, {dpi} dpi"
            found = {name: (cer, seconds) for name, cer, seconds in measure(given, readers, pages)}
            for name, (cer, seconds) in found.items():
                tool = name if name == TESSERACT else ""
                recorded.add(f"{what}, {name}, CER", "of 1", [cer], tool=tool)
                recorded.add(f"{what}, {name}", "s a page", seconds, tool=tool)
                if not tool and TESSERACT in found and len(seconds) >= records.RUNS:
                    gained = records.paired(found[TESSERACT][1], seconds)
                    recorded.ratio(f"{what}, {name}", "Tesseract, one thread", gained)
    recorded.write(given.record)


main()
