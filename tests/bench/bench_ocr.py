"""How well and how fast documents are read: character and word errors by kind of page, beside Tesseract.

    python tests/bench/bench_ocr.py [--kinds page,small] [--pages 3] [--dpi 200] [--wear clean] [--layout lines]

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
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import jiwer
from documents import KINDS, Drawn, draw_document

from smolcli.engine import EngineOptions
from smolcli.jobs import Answer, Look
from smolcli.media import find_pages
from smolcli.models import builtin_pages, resolve
from smolcli.reader import Reader
from smolcli.run import Access, RunOptions
from smolcli.verbs.ocr import Form, How, Ocr

Errors = tuple[float, float]  # of characters and of words, as shares of what was drawn


def errors(want: str, got: str) -> Errors:
    """CER and WER, white space as one space."""
    want, got = " ".join(want.split()), " ".join(got.split())
    if not want:
        return (0.0, 0.0) if not got else (1.0, 1.0)
    return jiwer.cer(want, got), jiwer.wer(want, got)


def read_all(reader: Reader, files: Sequence[Path], form: Form) -> list[Answer]:
    """Every page through the verb, as the command does it."""
    template = reader.template("transcribe", look=Look(dpi=200))
    ocr = Ocr(reader.files, find_pages(map(str, files), False), template, Access(several=True), How(form, "bench"))
    return [event for event in ocr.pages(reader.stream(ocr.jobs())) if isinstance(event, Answer)]


def tesseract(file: Path) -> str:
    """What Tesseract reads in a picture, with one thread."""
    command = ["tesseract", str(file), "-", "--dpi", "200"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def drawn_files(pages: Sequence[Drawn], folder: Path) -> Iterator[Path]:
    """The pages as pictures, in order."""
    for number, page in enumerate(pages):
        file = folder / f"{number:03}.png"
        cv2.imwrite(str(file), page.rgb[:, :, ::-1])
        yield file


def show(name: str, found: Sequence[Errors], seconds: float) -> None:
    """A row of the table: means over pages."""
    cer, wer = (sum(values) / len(found) for values in zip(*found, strict=True))
    print(f"  {name:10} CER {cer:7.2%}  WER {wer:7.2%}  {seconds / len(found):5.2f} s a page", flush=True)


def main() -> None:
    """Read each kind with each layout, and with Tesseract."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kinds", default=",".join(KINDS))
    options.add_argument("--pages", type=int, default=3)
    options.add_argument("--dpi", type=int, default=200)
    options.add_argument("--wear", default="clean")
    options.add_argument("--layout", default="lines", help="lines, blocks, page; several with commas")
    options.add_argument("--parallel", type=int, default=8)
    options.add_argument("--rows", type=int)
    options.add_argument("--letter-px", type=float)
    options.add_argument("-m", "--model")
    options.add_argument("--show", action="store_true", help="the text beside what was drawn")
    given = options.parse_args()
    known = {} if given.model else builtin_pages()
    known |= {name: value for name in ("rows", "letter_px") if (value := getattr(given, name)) is not None}
    engine = EngineOptions(parallel=given.parallel)
    pair = resolve(given.model, None)
    with tempfile.TemporaryDirectory() as folder, Reader(pair, engine, None, RunOptions()) as reader:
        reader.engine.embed(draw_document("page", 0).rgb[: reader.facts.tile_px, : reader.facts.tile_px])  # load it
        for kind in given.kinds.split(","):
            pages = [draw_document(kind, seed, given.dpi, given.wear) for seed in range(given.pages)]
            files = list(drawn_files(pages, Path(folder)))
            print(f"{kind}, {given.wear}, {given.dpi} dpi, {given.pages} pages:")
            for layout in given.layout.split(","):
                form = Form(**{"side_px": reader.facts.tile_px, **known, "layout": layout})
                start = time.perf_counter()
                answers = read_all(reader, files, form)
                spent_s = time.perf_counter() - start
                if given.show:
                    for page, answer in zip(pages, answers, strict=True):
                        print(page.text, answer.text, sep="\n---\n")
                show(layout, [errors(p.text, a.text) for p, a in zip(pages, answers, strict=True)], spent_s)
            if shutil.which("tesseract"):
                start = time.perf_counter()
                texts = [tesseract(file) for file in files]
                spent_s = time.perf_counter() - start
                show("Tesseract", [errors(p.text, t) for p, t in zip(pages, texts, strict=True)], spent_s)


main()
