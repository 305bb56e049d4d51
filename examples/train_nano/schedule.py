"""What a run is to do and how far it has come: stages on one clock, their losses and learning rates."""

from dataclasses import dataclass, field, replace

from .losses import LETTERS, Weights
from .model import TRAINING_ONLY
from .optimizer import Rates

QUEUE, POOLS = "queue", "pools"  # where steps come from: batches drawn for them, or pools on the device
WARM_UP = 60  # steps
LEAST_S = 20.0  # of training, however long the start took
_TOWER, _DECODER = ("vision_model", *TRAINING_ONLY), ("text_model", "connector")


@dataclass(frozen=True)
class Stage:
    """One part of the schedule, `share` of its minutes."""

    share: float
    weights: Weights
    rates: Rates
    decay: float = 0.3  # the last part of the stage, in which the rate falls to `floor`; 0: it stays
    floor: float = 0.05
    frozen: tuple[str, ...] = ()  # parts of names of weights that rest
    detached: bool = False  # the decoder learns, but tells the tower nothing yet
    fresh: bool = True  # starts from averaged weights with an optimizer of its own; else the one before goes on


_FULL, _POOLED = Rates(0.02, 2e-3), Rates(0.025, 3e-3, tower=0.5)
# The tower learns characters, then the decoder learns to read without a say in the tower, then both learn everything.
# From the queue every fourth batch of `joint` is for the tower alone; a step from pools has such pages in it. There
# nothing is frozen, since compiled layers would have to be compiled anew: what no loss speaks of does not move.
STAGES = {
    QUEUE: {
        "vision": Stage(0.2, LETTERS, _FULL, frozen=_DECODER),
        "align": Stage(0.2, Weights(1, 0, 0.5), _FULL, frozen=_TOWER),
        "joint": Stage(0.6, Weights(1, 0.3, 0.2), Rates(0.005, 1e-3, tower=0.5), decay=0.8, floor=0.02),
    },
    POOLS: {
        "vision": Stage(0.14, LETTERS, Rates(0.025, 3e-3), decay=0),
        "align": Stage(0.06, Weights(1, 1, 0.1), _POOLED, decay=0, detached=True),
        "easy": Stage(0.095, Weights(1, 0.4, 0.06), _POOLED, decay=0, fresh=False),
        "joint": Stage(0.705, Weights(1, 0.4, 0.06), _POOLED, decay=0.64, floor=0.01, fresh=False),
    },
}


@dataclass
class Plan:
    """What a run was asked to do; it is saved with the weights, and `resume` needs nothing else."""

    stages: list[str]
    trained: bool = False  # whether it starts from trained weights: no curriculum then
    minutes: float = 0.0  # of the whole schedule, or
    steps: int = 0  # of the whole schedule
    size: str = "large"
    tiles: int = 20  # per step
    producers: int = 1
    device: str = "cpu"
    seed: int = 0
    rate: float = 1.0  # times the stages' learning rates
    supply: str = QUEUE
    pool_gb: float = 0.0  # size of all pools; 0: what the device has room for
    cases: int = 0  # held-out pages per class that are read at the end
    compiled: bool = False  # whether layers are compiled

    def stage(self, progress: "Progress") -> Stage:
        """The running stage. A large step from trained weights begins with the rate already falling."""
        stage = STAGES[self.supply][self.stages[progress.stage]]
        return replace(stage, decay=1.0) if self.trained and self.supply == POOLS else stage

    def left(self, progress: "Progress") -> float:
        """Seconds that the running stage still has; none is known of one that is counted in steps."""
        return float("inf") if self.steps else 60 * self.minutes * self._share(progress) - progress.stage_seconds

    def done(self, progress: "Progress") -> float:
        """Share (0 … 1 and more) of the running stage that is behind."""
        here = self._share(progress)
        if self.steps:
            return progress.stage_steps / (self.steps * here)
        return progress.stage_seconds / (60 * self.minutes * here)

    def _share(self, progress: "Progress") -> float:
        shares = [STAGES[self.supply][name].share for name in self.stages]
        return shares[progress.stage] / sum(shares)


@dataclass
class Progress:
    """How far a run has come."""

    stage: int = 0  # index into the plan's stages
    stage_seconds: float = 0.0  # of the running stage; time stopped or killed is not counted
    stage_steps: int = 0
    seconds: float = 0.0  # of the whole run
    steps: int = 0
    tiles: int = 0
    samples: int = 0
    phase: int = 0
    accuracy: float = 0.0  # of answer tokens, moving average since the phase began
    history: list = field(default_factory=list)


def left_to_train(minutes: float, passed_s: float, kept_s: float) -> float:
    """Minutes of training in `minutes` of which some seconds have passed and some are kept for the end."""
    return max(LEAST_S, 60 * minutes - passed_s - kept_s) / 60


def rate_at(done: float, steps: int, stage: Stage) -> float:
    """Share of the full learning rate: a short warm-up, level, a straight fall over the last `decay` of the stage."""
    falling = max(0.0, (1 - done) / stage.decay) if stage.decay else 1.0
    return min(1.0, (steps + 1) / WARM_UP) * min(1.0, stage.floor + (1 - stage.floor) * falling)
