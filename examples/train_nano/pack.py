"""The fonts and words of this machine → a folder of some megabytes, for a machine that has none (a bare GPU server).

python examples/train_nano pack FOLDER, and there: TRAIN_NANO_PACK=FOLDER python examples/train_nano train RUN

Only what training draws with is packed: held-out families and words stay here, so that nothing can learn from them.
Some pages that were drawn with them go along, for the first verdict at the end of a run.
"""

import argparse
import gzip
import json
import logging
from pathlib import Path

from . import verdict
from .drawing import fonts, sources, words
from .drawing.letters import EVERY


def main(argv: list[str]) -> None:
    """`pack FOLDER`."""
    parser = argparse.ArgumentParser(prog="train_nano pack", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--cases", type=int, default=verdict.CASES, help="held-out pages per class that go along")
    asked = parser.parse_args(argv)
    if sources.folder():
        parser.error(f"{sources.VARIABLE} is set: this would pack a pack; unset it")
    if asked.folder.exists():
        parser.error(f"{asked.folder}: there already; name a new folder")
    count = pack(asked.folder)
    if asked.cases > 0 and not verdict.missing_fonts():
        verdict.draw(asked.folder / verdict.FILE, asked.cases)
    size = sum(path.stat().st_size for path in asked.folder.glob("**/*") if path.is_file())
    print(f"{asked.folder}: {count} faces, {size / 1e6:.1f} MB; next, there: {sources.VARIABLE}={asked.folder}")


def pack(folder: Path) -> int:
    """Write the pack; returns the number of faces. Raises OSError where it cannot be written."""
    (folder / "fonts").mkdir(parents=True)
    faces = 0
    for family in fonts.families(held=False)[0]:
        for source in family.sources.values():
            kind, _, code = source.partition(":")
            if kind == "base14":
                sources.base14_file(folder, code).write_bytes(sources.base14(code))
            elif kind not in ("pillow", "hershey"):
                _subset(Path(source), folder / "fonts" / Path(source).name)
                faces += 1
    corpus = json.dumps(words.corpus(held=False))
    (folder / sources.CORPUS).write_bytes(gzip.compress(corpus.encode(), mtime=0))
    return faces


def _subset(path: Path, to: Path) -> None:
    """The face with the letters that are drawn, and nothing else."""
    from fontTools import subset

    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of every table that it leaves out
    options = subset.Options(layout_features=[], hinting=True, notdef_outline=True, drop_tables=["+GPOS", "GSUB"])
    with subset.load_font(str(path), options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(text=EVERY)
        cutter.subset(font)
        subset.save_font(font, str(to), options)
