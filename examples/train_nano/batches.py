"""Curriculum phase → batches of samples, drawn by processes of their own. Torch-free (the processes load no torch)."""

import multiprocessing
import queue
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from . import vocabulary
from .geometry import GRIDS, UNSPLIT, Layout
from .samples import CLIP, Options, Sample, draw

DENSE = "dense"  # name of a batch that is for the tower alone, full of letters; no answer is learned from it
IGNORE = -100  # target of a position that counts for no loss (torch's own convention)
SLIPS = 0.15  # most letters of an answer that are wrong where the decoder reads them again; a third of it on average
FRAMES = (1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 8, 10, 16)
WIDE, TALL, SQUARE = GRIDS[1:]


@dataclass(frozen=True)
class Phase:
    """What is drawn at one time: weights of layouts (CLIP is one) and tasks, longest answer, level of wear."""

    layouts: dict
    tasks: dict = field(default_factory=dict)
    longest: int = 240
    level: float = 0.5


VISION = Phase(
    {UNSPLIT: 10, WIDE: 1, TALL: 1, SQUARE: 1},
    {"dense": 6, "sign": 3, "line": 2, "form": 1, "receipt": 0.5, "shape": 1, "scene": 0.3, "photo": 0.2},
    10**6,
    0.6,
)
PHASES = (
    Phase({UNSPLIT: 1}, {"word": 1}, 11, 0.2),
    Phase({UNSPLIT: 1}, {"word": 1, "line": 3}, 28, 0.2),
    Phase({UNSPLIT: 4, WIDE: 1}, {"word": 1, "line": 3, "sign": 1}, 40, 0.3),
    Phase(
        {UNSPLIT: 4, WIDE: 1.5, SQUARE: 1},
        {"word": 1, "line": 2, "sign": 1, "form": 0.5, "receipt": 0.4, "shape": 0.8, "scene": 0.3, "photo": 0.2},
        60,
        0.3,
    ),
    Phase(
        {UNSPLIT: 4, WIDE: 1.5, TALL: 1, SQUARE: 2, CLIP: 0.5},
        {"word": 1, "line": 1.5, "sign": 1.2, "paragraph": 0.4, "form": 0.8, "receipt": 0.7, "table": 0.3}
        | {"shape": 1, "scene": 0.5, "photo": 0.5},
        110,
        0.4,
    ),
    Phase(
        {UNSPLIT: 4, WIDE: 1.6, TALL: 1, SQUARE: 3, CLIP: 2},
        {"word": 0.6, "line": 1.4, "sign": 1.2, "paragraph": 0.8, "columns": 0.25, "form": 1.1, "receipt": 0.9}
        | {"table": 0.4, "shape": 4.5, "scene": 0.9, "photo": 0.6},
    ),
)
ADVANCE = (0.6, 0.72, 0.86, 0.88, 0.9)  # token accuracy (moving average) at which the next phase begins


class Batch(NamedTuple):
    """Samples of one layout. b samples of n tiles, t prompt and answer ids, a answer ids; IGNORE fills up.

    tiles uint8 (b · n, 256, 256, 3)   labels uint8 (b · n, 256, 4)   ids int64 (b, t)
    rows int64 (b, a): positions that predict the answer   targets, cells int64 (b, a)
    images int64 (b, 64 · n): positions of the image tokens
    """

    name: str
    tiles: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    cells: np.ndarray
    images: np.ndarray


def collate(samples: list[Sample], name: str) -> Batch:
    """One batch of samples that have the same layout."""
    count = len(samples)
    ids = np.full((count, max(len(s.prompt) + len(s.answer) for s in samples) - 1), vocabulary.PADDING, np.int64)
    longest = max(len(sample.answer) for sample in samples)
    rows = np.zeros((count, longest), np.int64)
    targets, cells = np.full((2, count, longest), IGNORE, np.int64)
    for i, sample in enumerate(samples):
        before, length = len(sample.prompt), len(sample.answer)
        ids[i, : before + length - 1] = (sample.prompt + sample.answer)[:-1]
        rows[i, :length] = np.arange(before - 1, before - 1 + length)
        targets[i, :length] = sample.answer
        cells[i, :length] = [cell if cell >= 0 else IGNORE for cell in sample.cells]
    images = np.nonzero(ids == vocabulary.IMAGE)[1].reshape(count, -1)
    tiles = np.concatenate([sample.tiles for sample in samples])
    labels = np.concatenate([sample.labels for sample in samples])
    return Batch(name, tiles, labels, ids, rows, targets, cells, images)


def slipped(rng, batch: Batch) -> Batch:
    """The batch with wrong letters, now and then, in what the decoder is told that it has written.

    What is right to say stays. A decoder that has only ever seen perfect text loses its place at its first slip.
    """
    noise = np.random.default_rng(rng.getrandbits(32))
    share = SLIPS * noise.random((len(batch.rows), 1)) ** 2
    written = batch.targets[:, :-1]
    slips = (noise.random(written.shape) < share) & (batch.targets[:, 1:] != IGNORE)
    slips[:, :1] = False  # the space that every answer starts with
    letters = written[written >= vocabulary.FIRST_BYTE]
    ids = batch.ids.copy()
    sample, position = np.nonzero(slips)
    ids[sample, batch.rows[sample, position + 1]] = noise.choice(letters, len(sample))
    return batch._replace(ids=ids)


def batches(rng, phase: Phase, tiles: int, count: int = 3) -> list[Batch]:
    """`count` batches of about `tiles` tiles each, all of one layout; sorted by length, so that little is padding."""
    kind = rng.choices(list(phase.layouts), phase.layouts.values())[0]
    layout = Layout(frames=rng.choice(FRAMES)) if kind == CLIP else kind
    size = max(1, tiles // layout.tiles)
    pool: list[Sample] = []
    while len(pool) < count * size:
        task = CLIP if kind == CLIP else rng.choices(list(phase.tasks), phase.tasks.values())[0]
        sample = draw(rng, task, layout, Options(level=phase.level))
        if len(sample.text) <= phase.longest:
            pool.append(sample)
    pool.sort(key=lambda sample: len(sample.prompt) + len(sample.answer))
    groups = [pool[i : i + size] for i in range(0, len(pool), size)]
    rng.shuffle(groups)
    name = DENSE if phase is VISION else CLIP if kind == CLIP else f"{layout.rows}x{layout.cols}"
    return [slipped(rng, collate(group, name)) for group in groups]


def lessons(rng, number: int, tiles: int, dense: bool) -> list[Batch]:
    """A few batches of phase `number` (-1: the tower's first lessons); where `dense`, the tower's own are among them.

    A page full of text holds many times the letters of a line; without such pages the tower hardly learns beside the
    decoder.
    """
    if number < 0:
        return batches(rng, VISION, tiles)
    return batches(rng, PHASES[number], tiles) + (batches(rng, VISION, tiles, 1) if dense else [])


def _produce(seed: str, ready, phase, tiles: int, dense: bool) -> None:
    """Draw until the trainer is gone. Signals meant for the run are the trainer's to heed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    rng = random.Random(seed)
    while True:
        for batch in lessons(rng, phase.value, tiles, dense):
            while not _offered(ready, batch):
                if not multiprocessing.parent_process().is_alive():
                    ready.cancel_join_thread()
                    return


def _offered(ready, batch: Batch) -> bool:
    try:
        ready.put(batch, timeout=5)
    except queue.Full:
        return False
    return True


class Producers:
    """Processes that draw batches ahead of the training loop; `phase` (a number) and `dense` as in `lessons`."""

    def __init__(self, count: int, seed: str, tiles: int, phase: int, dense: bool = False):
        context = multiprocessing.get_context("spawn")  # never a fork of a process with threads or a CUDA context
        self._queue, self._phase = context.Queue(max(8, 2 * count)), context.Value("i", phase)
        self._processes = [
            context.Process(target=_produce, args=(f"{seed}/{i}", self._queue, self._phase, tiles, dense), daemon=True)
            for i in range(count)
        ]
        for process in self._processes:
            process.start()

    def phase(self, number: int) -> None:
        """Draw for this phase from now on."""
        self._phase.value = number

    def next(self, stopped: Callable[[], bool]) -> Batch | None:
        """The next batch; waits for it. None once `stopped`; fails when a process has died."""
        while not stopped():
            try:
                return self._queue.get(timeout=1)
            except queue.Empty as empty:
                if not all(process.is_alive() for process in self._processes):
                    raise SystemExit("a drawing process died; its message stands above") from empty
        return None

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
