"""Held-out pages, drawn while the run trains → the first verdict on its weights, in the table's own words.

Pages are drawn by a process of their own (or come with a pack) and kept in one .npz file: `tiles` uint8
(all, 256, 256, 3), and `cases`, JSON as bytes: class, question, right answer, prompt's ids and number of tiles.
"""

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import vocabulary
from .drawing import sources
from .evaluate import CLASSES, HEAD, cases_of, judged, line_of, missing_fonts
from .samples import Options

FILE = "held.npz"
CASES = 24  # held-out pages per class, unless others are asked for
TOGETHER = 128  # samples that are read at once
WAIT_S = 60.0  # for the drawing process, at the end of a run


@dataclass(frozen=True)
class Held:
    """One held-out page: what `evaluate` judges, and what the model is given."""

    name: str  # of its class
    question: str
    text: str
    prompt: list[int]
    tiles: int


def draw(path: Path, count: int) -> None:
    """Draw `count` held-out pages of every class, clean, into `path`; whole or not at all."""
    cases, tiles = [], []
    for kind in CLASSES:
        for sample in cases_of(kind, count, Options(held=True, level=0.0, varied=False)):
            cases.append(asdict(Held(kind.name, sample.question, sample.text, sample.prompt, len(sample.tiles))))
            tiles.append(sample.tiles)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file, tiles=np.concatenate(tiles), cases=np.frombuffer(json.dumps(cases).encode(), np.uint8)
        )
    part.replace(path)


def load(path: Path, count: int) -> tuple[list[Held], list[np.ndarray]]:
    """At most `count` cases of every class, and the tiles of each."""
    with np.load(path) as file:
        cases, tiles = [Held(**case) for case in json.loads(file["cases"].tobytes())], file["tiles"]
    ends = np.cumsum([case.tiles for case in cases])
    of_class: dict[str, int] = {}
    kept = []
    for case, seen in zip(cases, np.split(tiles, ends[:-1]), strict=True):
        of_class[case.name] = of_class.get(case.name, 0) + 1
        if of_class[case.name] <= count:
            kept.append((case, seen))
    return [case for case, _ in kept], [seen for _, seen in kept]


class Verdict:
    """Pages drawn from the start of a run, read at its end. `say` takes a line."""

    def __init__(self, folder: Path, count: int, say: Callable[[str], None]):
        self._count, self._say = count, say
        self._path, self._process = folder / FILE, None
        packed = sources.folder()
        if packed and (packed / FILE).is_file():
            self._path = packed / FILE
        elif missing_fonts():
            self._count = 0
            say(f"# no verdict at the end: the held-out fonts {', '.join(missing_fonts())} are not installed")
        elif count and not self._path.is_file():
            context = multiprocessing.get_context("spawn")
            self._process = context.Process(target=draw, args=(self._path, count), daemon=True)
            self._process.start()

    def give(self, model, until: float) -> None:
        """Say the table of what `model` reads; classes for which no time is left (`until`, monotonic) are left out."""
        if not self._count:
            return
        if self._process:
            self._process.join(min(WAIT_S, max(1.0, until - time.monotonic())))
        if not self._path.is_file():
            self._say("# no verdict: the held-out pages are not drawn yet; `evaluate` measures")
            return
        cases, tiles = load(self._path, self._count)
        texts = _read(model, cases, tiles, until)
        self._say(f"# first verdict: held-out fonts and words, clean, {self._count} a class\n{HEAD}")
        for kind in CLASSES:
            own = [i for i, case in enumerate(cases) if case.name == kind.name]
            if own and all(i in texts for i in own):
                said = iter([texts[i] for i in own])
                self._say(line_of(kind, judged(lambda _, said=said: next(said), kind.name, [cases[i] for i in own])[0]))

    def close(self) -> None:
        """End the drawing process."""
        if self._process:
            self._process.kill()


def _read(model, cases: list[Held], tiles: list[np.ndarray], until: float) -> dict[int, str]:
    """Texts by number of the case; those with few tiles first."""
    import torch

    from .reading import answers

    texts: dict[int, str] = {}
    for count in sorted({case.tiles for case in cases}):
        alike = [i for i, case in enumerate(cases) if case.tiles == count]
        for some in (alike[i : i + TOGETHER] for i in range(0, len(alike), TOGETHER)):
            if time.monotonic() > until:
                return texts
            seen = torch.from_numpy(np.concatenate([tiles[i] for i in some])).to(model.cos.device)
            most = max(2 * len(cases[i].text) + 20 for i in some)
            read = answers(model, seen, [cases[i].prompt for i in some], most)
            for i, ids in zip(some, read, strict=True):
                texts[i] = vocabulary.decode(ids[: 2 * len(cases[i].text) + 20])
    return texts
