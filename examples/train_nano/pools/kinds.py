"""What is drawn for the pools and what a step is made of: kinds of samples, tasks and mixes by stage. Torch-free."""

from dataclasses import dataclass, field

from ..geometry import GRIDS, UNSPLIT, Layout
from ..samples import grids_of

WIDE, TALL, SQUARE = GRIDS[1:]
FRAMES = (1, 2, 3, 4, 5, 6, 8, 10, 16)
CLIP_SHARES = dict(zip(FRAMES, (1, 2, 3, 3, 2, 2.5, 2.5, 1.5, 2.5), strict=True))
CLIPS = "clips"  # a mix's name for clips of any length; counted in tiles


@dataclass(frozen=True)
class Kind:
    """Samples of one shape, drawn at most `block` at a time; of `kept` tiles in all pools, so many are of this kind.

    length, answer: most ids of prompt and answer, and of the answer. dense: for the tower alone.
    """

    name: str
    layout: Layout
    block: int
    kept: int
    length: int
    answer: int
    dense: bool = False

    @property
    def tiles(self) -> int:
        """Tiles of one sample."""
        return self.layout.tiles


KINDS = (
    Kind("dense1", UNSPLIT, 24, 12_000, 8, 1, dense=True),
    Kind("dense5", SQUARE, 6, 40_000, 8, 1, dense=True),
    Kind("1", UNSPLIT, 64, 44_000, 448, 264),
    Kind("1x2", WIDE, 32, 21_000, 560, 264),
    Kind("2x1", TALL, 32, 18_000, 560, 264),
    Kind("2x2", SQUARE, 16, 70_000, 704, 264),
    *(Kind(f"clip{n}", Layout(frames=n), max(3, 48 // n), 4_000, 352 + 88 * n, 200) for n in FRAMES),
)
NUMBER = {kind.name: i for i, kind in enumerate(KINDS)}
KEPT = sum(kind.kept for kind in KINDS)

# A page full of text holds many times the letters of a line: what the tower learns from.
DENSE = {"dense": 7, "sign": 2, "line": 1.5, "form": 0.8, "table": 0.4, "shape": 0.8, "scene": 0.2, "photo": 0.2}
DENSE["scan"] = 2
_ONE = {"word": 1.2, "line": 3.6, "sign": 1.6, "paragraph": 1.4, "form": 0.6, "receipt": 0.4, "table": 0.3}
_ONE |= {"shape": 4, "scene": 1, "photo": 0.8, "strip": 5, "scan": 8}
_TWO = {"word": 0.8, "line": 1.2, "sign": 3, "paragraph": 1.2, "columns": 0.3, "form": 3, "receipt": 2.4}
_TWO |= {"table": 1, "shape": 3.4, "scene": 1, "photo": 0.9}
_FOUR = {"word": 0.5, "line": 0.7, "sign": 1.8, "paragraph": 4.6, "columns": 2.2, "form": 2.6, "receipt": 2}
_FOUR |= {"table": 4.4, "shape": 2.6, "scene": 2.2, "photo": 0.9}
_EASY = {"word": 1, "line": 2, "sign": 2, "paragraph": 0.6, "form": 1, "receipt": 0.8, "table": 0.2, "shape": 1}
_EASY |= {"scene": 0.3, "photo": 0.3, "strip": 1, "scan": 1}


@dataclass(frozen=True)
class Lessons:
    """What one stage draws and learns from.

    mix: samples per step of MIX_TILES tiles, by kind (CLIPS: tiles); what it leaves is filled up with "dense1".
    tasks: how often each is drawn, by kind or for all of them. longest: most characters of an answer.
    level: of wear. drawn: samples drawn though none is in the mix, for the stage to come.
    """

    mix: dict[str, float]
    tasks: dict
    longest: int = 240
    level: float = 0.45
    drawn: dict[str, float] = field(default_factory=dict)


MIX_TILES = 544
LESSONS = {
    "vision": Lessons({"dense1": 64, "dense5": 96}, DENSE, 40, 0.6, drawn={"1": 24, "1x2": 3}),
    "align": Lessons(
        {"dense1": 32, "dense5": 24, "1": 240, "1x2": 24}, {"word": 1, "line": 3, "sign": 1, "shape": 0.3}, 40, 0.25
    ),
    "easy": Lessons(
        {"dense1": 24, "dense5": 16, "1": 112, "1x2": 24, "2x1": 16, "2x2": 32, CLIPS: 32}, _EASY, 110, 0.35
    ),
    "joint": Lessons(
        {"dense5": 8, "1": 128, "1x2": 21, "2x1": 14, "2x2": 40, CLIPS: 68},
        {"1": _ONE, "1x2": _TWO, "2x1": _TWO, "2x2": _FOUR},
    ),
}
DENSE_LEVEL = 0.6  # of wear, on pages for the tower alone


def tasks_of(kind: Kind, stage: str) -> dict[str, float]:
    """How often each task is drawn for a kind in a stage."""
    if kind.dense:
        tasks = DENSE
    else:  # the tower's stage draws ahead for the next one
        tasks = LESSONS["align" if stage == "vision" else stage].tasks
    tasks = tasks.get(kind.name, tasks)
    return {task: weight for task, weight in tasks.items() if kind.layout in grids_of(task)}


def drawing_shares(stage: str, sizes: list[int]) -> list[float]:
    """How many blocks of each kind are drawn beside the others, in the order of KINDS; `sizes`: samples of a block."""
    lessons = LESSONS[stage]
    wanted = lessons.mix | lessons.drawn
    total = sum(CLIP_SHARES.values())
    result = []
    for kind, size in zip(KINDS, sizes, strict=True):
        if kind.layout.frames:
            samples = wanted.get(CLIPS, 0) * CLIP_SHARES[kind.layout.frames] / total / kind.layout.frames
        else:  # dense pages cost most to draw: they are used more often
            samples = wanted.get(kind.name, 0) * (0.5 if kind.dense else 1)
        result.append(samples / size)
    return result
