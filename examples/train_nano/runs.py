"""A run's folder: its plan, its progress and its weights, saved so that a killed run loses minutes at most."""

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .config import SIZES, NanoConfig
from .folder import model_config
from .losses import Weights
from .model import TRAINING_ONLY, Nano
from .optimizer import Optimizer, Rates


@dataclass(frozen=True)
class Stage:
    """One part of the schedule, `share` of its minutes."""

    share: float
    weights: Weights
    rates: Rates
    decay: float = 0.3  # the last part of the stage, in which the rate falls to `floor`
    floor: float = 0.05


_FULL = Rates(0.02, 2e-3)
# The tower learns characters, then the decoder learns to read beside the frozen tower, then both learn everything.
STAGES = {
    "vision": Stage(0.2, Weights(0, 1, 0), _FULL),
    "align": Stage(0.2, Weights(1, 0, 0.5), _FULL),
    "joint": Stage(0.6, Weights(1, 0.3, 0.2), Rates(0.005, 1e-3, tower=0.5), decay=0.8, floor=0.02),
}


@dataclass
class Plan:
    """What a run was asked to do; it is saved with the weights, and `resume` needs nothing else."""

    stages: list[str]
    trained: bool = False  # whether it starts from trained weights: no curriculum then
    minutes: float = 0.0  # of the whole schedule, or
    steps: int = 0  # of the whole schedule
    size: str = "base"
    tiles: int = 20  # per step
    producers: int = 1
    device: str = "cpu"
    seed: int = 0
    rate: float = 1.0  # times the stages' learning rates

    def done(self, progress: "Progress") -> float:
        """Share (0 … 1 and more) of the running stage that is behind."""
        shares = [STAGES[name].share for name in self.stages]
        here = shares[progress.stage] / sum(shares)
        if self.steps:
            return progress.stage_steps / (self.steps * here)
        return progress.stage_seconds / (60 * self.minutes * here)


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


@contextmanager
def claimed(folder: Path):
    """Holds a run's folder for this process, its id in `pid`; a sentence when another one has it."""
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as taken:
        raise SystemExit(f"{folder}: is being trained already, by the process that {folder / 'pid'} names") from taken
    with lock:
        try:
            (folder / "pid").write_text(f"{os.getpid()}\n")
            yield
        finally:
            (folder / "pid").unlink(missing_ok=True)
            lock.release()


def save(path: Path, model: Nano, optimizer: Optimizer, plan: Plan, progress: Progress) -> None:
    """Write everything to `path`, whole or not at all."""
    state = {"config": asdict(model.config), "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    state |= {"plan": asdict(plan), "progress": asdict(progress)}
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load(path: Path) -> dict:
    """What `save` wrote, on the CPU; a sentence when there is none."""
    if not path.is_file():
        raise SystemExit(f"{path}: no such checkpoint; start a run with `train`, or name the file of another one")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # torch raises whatever its parts raise on a damaged file
        raise SystemExit(f"{path}: cannot be read as a checkpoint ({type(problem).__name__})") from problem
    if not isinstance(state, dict) or not {"config", "model"} <= state.keys():
        raise SystemExit(f"{path}: is not a checkpoint of this recipe; a run's last.pt is one")
    return state


def load_folder(folder: Path) -> dict:
    """The weights of an exported folder as a checkpoint; the heads that only training uses are not in it."""
    try:
        written = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as problem:
        raise SystemExit(f"{folder}: cannot be read as an exported folder ({problem})") from problem
    config = next((size for size in SIZES.values() if model_config(size) == written), None)
    if config is None:
        raise SystemExit(f"{folder}: its config.json is none of this recipe's sizes ({', '.join(SIZES)})")
    return {"config": asdict(config), "model": weights}


def config_of(state: dict) -> NanoConfig:
    """The sizes of a checkpoint; a sentence when this version of the recipe does not know them."""
    try:
        return NanoConfig(**state["config"])
    except TypeError as problem:
        raise SystemExit(f"the checkpoint was made by another version of this recipe ({problem})") from problem


def weights_of(state: dict) -> dict[str, Tensor]:
    """The weights that read best: the moving average where there is one (float32)."""
    averaged = state["optimizer"]["average"] if "optimizer" in state else {}
    return {name: value.float() for name, value in {**state["model"], **averaged}.items()}


def load_model(path: Path, device: str = "cpu") -> Nano:
    """The model of a checkpoint or an exported folder, ready to read."""
    state = load_folder(path) if path.is_dir() else load(path)
    model = Nano(config_of(state))
    missing, unknown = model.load_state_dict(weights_of(state), strict=False)
    if unknown or any(not name.startswith(TRAINING_ONLY) for name in missing):
        raise SystemExit(f"{path}: its weights are not those of this recipe ({[*missing, *unknown][0]})")
    return model.eval().to(device)


def new_model(plan: Plan, weights: Path | None) -> Nano:
    """The model that a run starts with: random, or another checkpoint's weights."""
    torch.manual_seed(plan.seed)
    return load_model(weights).train() if weights else Nano(SIZES[plan.size])
