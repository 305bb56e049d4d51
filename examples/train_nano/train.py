"""Drawn batches → weights: three stages on one clock, on a CPU (bf16 where it has it) or a GPU.

    python examples/train_nano train RUN --minutes 600              from nothing
    python examples/train_nano train RUN --minutes 80 --weights W   the last stage, from trained weights
    python examples/train_nano resume RUN                           go on after a kill, a crash, or kill -TERM

RUN is a folder: last.pt (saved every 3 minutes), log.txt, pid. kill -TERM saves and ends; kill -STOP and -CONT pause.
"""

import argparse
import functools
import os
import secrets
import signal
import time
from dataclasses import replace
from pathlib import Path

import torch

from . import runs
from .arguments import check_device, positive
from .batches import ADVANCE, DENSE, PHASES, Producers
from .config import SIZES
from .losses import losses
from .model import TRAINING_ONLY, Nano
from .optimizer import Optimizer, Rates
from .runs import STAGES, Plan, Progress

SAVE_S, LOG_S = 180.0, 20.0
LONGEST_STEP_S = 6.0  # a step that took longer was a pause: the clock of the schedule counts no more than this
WARM_UP = 60  # steps


def fast_type(device: str) -> torch.dtype:
    """The type in which matrices are multiplied: bfloat16 where the machine does that in hardware, else float32."""
    known = getattr(torch.cpu, "get_capabilities", dict)()
    fast = device != "cpu" or known.get("avx512_bf16") or known.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def rate_at(done: float, steps: int, stage: runs.Stage) -> float:
    """Share of the full learning rate: a short warm-up, level, a straight fall over the last `decay` of the stage."""
    falling = max(0.0, (1 - done) / stage.decay)
    return min(1.0, (steps + 1) / WARM_UP) * min(1.0, stage.floor + (1 - stage.floor) * falling)


class Trainer:
    """One run: model, optimizer, progress and the loop over its stages."""

    def __init__(self, folder: Path, plan: Plan, model: Nano, state: dict | None = None):
        self.folder, self.plan, self.model = folder, plan, model.to(plan.device)
        self.progress = Progress(**state["progress"]) if state else Progress(phase=self._first_phase())
        self.fast = fast_type(plan.device)
        bf16 = self.fast == torch.bfloat16
        self.autocast = functools.partial(torch.autocast, plan.device, torch.bfloat16, enabled=bf16)
        self._begin_stage(state)
        self._stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _first_phase(self) -> int:
        return len(PHASES) - 1 if self.plan.trained else 0

    def _stop(self, *_) -> None:
        self._stopped = True

    def _begin_stage(self, state: dict | None = None) -> None:
        """Freeze what the stage leaves alone; its optimizer starts fresh unless a saved one goes on."""
        self.name = self.plan.stages[self.progress.stage]
        self.stage = STAGES[self.name]
        frozen = {"vision": ("text_model", "connector"), "align": ("vision_model", *TRAINING_ONLY)}.get(self.name, ())
        for name, value in self.model.named_parameters():
            value.requires_grad_(not any(part in name for part in frozen))
        full, rate = self.stage.rates, self.plan.rate
        rates = Rates(full.matrix * rate, full.vector * rate, full.tower)
        self.optimizer = Optimizer(self.model, rates, self.fast)
        if state:
            self.optimizer.load_state_dict(state["optimizer"])

    def run(self) -> None:
        """Train until the plan is done or the run is told to stop."""
        self._say(f"# {time.strftime('%F %T')} {self.plan}, {self.fast}, {self.progress.steps} steps so far")
        while self.progress.stage < len(self.plan.stages) and not self._stopped:
            self._run_stage()
            if not self._stopped:
                self._end_stage()
        self._save()
        self._say(f"# {time.strftime('%F %T')} {'stopped' if self._stopped else 'done'}, {self.progress.steps} steps")

    def _end_stage(self) -> None:
        """The next stage starts from the averaged weights."""
        self.model.load_state_dict(self.optimizer.average, strict=False)
        self.progress.stage += 1
        self.progress.stage_seconds, self.progress.stage_steps = 0.0, 0
        if self.progress.stage < len(self.plan.stages):
            self._begin_stage()
            self._save()

    def _run_stage(self) -> None:
        phase = -1 if self.name == "vision" else self.progress.phase
        seed = f"{self.plan.seed}/{self.progress.steps}"
        both = bool(self.stage.weights.answer and self.stage.weights.characters)
        producers = Producers(self.plan.producers, seed, self.plan.tiles, phase, dense=both)
        log = Log(self)
        saved = tick = time.monotonic()
        try:
            while self.plan.done(self.progress) < 1 and not self._stopped:
                batch = producers.next(lambda: self._stopped)
                if batch is None:
                    break
                parts = self._step(batch)
                now = time.monotonic()
                self.progress.seconds += min(now - tick, LONGEST_STEP_S)
                self.progress.stage_seconds += min(now - tick, LONGEST_STEP_S)
                tick = now
                log.add(parts)
                if self._advance(parts, batch.name):
                    producers.phase(self.progress.phase)
                if now - saved > SAVE_S:
                    self._save()
                    saved = now
        finally:
            producers.close()  # first: whatever else fails, no process may be left to wait for
            log.write()

    def _step(self, batch) -> dict:
        alone = batch.name == DENSE and self.name != "vision"  # a page for the tower amid those for everything
        weights = STAGES["vision"].weights if alone else self.stage.weights
        loss, parts = losses(self.model, batch, weights, self.autocast)
        if not loss.isfinite():  # what is saved stays good
            raise SystemExit(f"step {self.progress.steps}: the loss is {float(loss)}; resume with a lower --rate")
        loss.backward()
        share = rate_at(self.plan.done(self.progress), self.optimizer.steps, self.stage)
        parts["gradient"] = self.optimizer.step(share)
        parts["rate"] = share
        self.progress.steps += 1
        self.progress.stage_steps += 1
        self.progress.tiles += len(batch.tiles)
        self.progress.samples += len(batch.ids)
        return {f"{name}({DENSE})": value for name, value in parts.items()} if alone else parts

    def _advance(self, parts: dict, name: str) -> bool:
        """Whether the curriculum has moved on: token accuracy has passed the phase's mark."""
        right = parts.get(f"accuracy({name})")
        if right is None:
            return False
        progress = self.progress
        progress.accuracy += (float(right) - progress.accuracy) * 0.025
        if progress.phase >= len(ADVANCE) or progress.accuracy <= ADVANCE[progress.phase]:
            return False
        progress.phase, progress.accuracy = progress.phase + 1, 0.0
        self._say(f"# step {progress.steps}: phase {progress.phase}")
        return True

    def _save(self) -> None:
        runs.save(self.folder / "last.pt", self.model, self.optimizer, self.plan, self.progress)

    def _say(self, line: str) -> None:
        print(line, flush=True)
        with (self.folder / "log.txt").open("a") as log:
            log.write(line + "\n")


class Log:
    """Means of what each step reports: a line after the first step, every 20 seconds and at the end of a stage."""

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        self._begin()

    def _begin(self) -> None:
        self.parts: dict[str, list[float]] = {}
        self.since, self.tiles = time.monotonic(), self.trainer.progress.tiles

    def add(self, parts: dict) -> None:
        """Take one step's values; write a line when it is time."""
        for name, value in parts.items():
            self.parts.setdefault(name, []).append(float(value))
        if time.monotonic() - self.since > LOG_S or self.trainer.progress.steps == 1:
            self.write()

    def write(self) -> None:
        """Write the line, if there was a step since the last one, and begin the next."""
        if not self.parts:
            return
        passed = time.monotonic() - self.since
        trainer, progress = self.trainer, self.trainer.progress
        means = {name: round(sum(values) / len(values), 4) for name, values in sorted(self.parts.items())}
        speed = (progress.tiles - self.tiles) / passed
        head = f"{time.strftime('%T')} {trainer.name} step {progress.steps} {progress.stage_seconds / 60:.1f} min"
        trainer._say(f"{head} {speed:.1f} tiles/s " + " ".join(f"{name} {mean}" for name, mean in means.items()))
        progress.history.append([trainer.name, progress.steps, round(progress.seconds), means])
        self._begin()


def main(argv: list[str]) -> None:
    """`train RUN --minutes M [--weights FILE] …`."""
    parser = argparse.ArgumentParser(prog="train_nano train", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of the run; made when it is not there")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=positive(float), default=0.0, help="length of the whole schedule")
    length.add_argument("--steps", type=positive(int), default=0, help="length of the whole schedule")
    parser.add_argument(
        "--weights", type=Path, help="checkpoint or exported folder to start from, on everything that is drawn"
    )
    parser.add_argument("--first", choices=STAGES, help="stage to begin with (with --weights: joint; else vision)")
    parser.add_argument("--size", choices=SIZES, help="base, unless --weights says it")
    parser.add_argument("--tiles", type=positive(int), help="tiles per step (20 on a CPU, 384 on a GPU)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--producers", type=positive(int), help="drawing processes (1 on a CPU, cores - 2 on a GPU)")
    parser.add_argument("--rate", type=positive(float), default=1.0, help="times the recipe's learning rates")
    parser.add_argument("--seed", type=int, help="of drawing and first weights; another one for each run, unless given")
    asked = parser.parse_args(argv)
    if (asked.run / "last.pt").exists():
        parser.error(f"{asked.run} holds a run already: go on with `resume {asked.run}`, or name another folder")
    if asked.weights and asked.size:
        parser.error(f"{asked.weights} has its own size; leave --size out")
    check_device(asked.device)
    gpu = asked.device != "cpu"
    names = list(STAGES)
    plan = Plan(
        stages=names[names.index(asked.first or ("joint" if asked.weights else "vision")) :],
        trained=asked.weights is not None,
        minutes=asked.minutes,
        steps=asked.steps,
        size=asked.size or "base",
        tiles=asked.tiles or (384 if gpu else 20),
        producers=asked.producers or (max(1, (os.cpu_count() or 3) - 2) if gpu else 1),
        device=asked.device,
        seed=secrets.randbits(31) if asked.seed is None else asked.seed,  # trained on from itself: new pages
        rate=asked.rate,
    )
    asked.run.mkdir(parents=True, exist_ok=True)
    with runs.claimed(asked.run):
        Trainer(asked.run, plan, runs.new_model(plan, asked.weights)).run()


def resume(argv: list[str]) -> None:
    """`resume RUN`."""
    parser = argparse.ArgumentParser(prog="train_nano resume", description="Go on with a run where it was saved last.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", help="another one than it was saved on")
    parser.add_argument("--rate", type=positive(float), help="times the recipe's learning rates, from now on")
    asked = parser.parse_args(argv)
    state = runs.load(asked.run / "last.pt")
    changed = {name: value for name in ("device", "rate") if (value := getattr(asked, name))}
    plan = replace(Plan(**state["plan"]), **changed)
    check_device(plan.device)
    if state["progress"]["stage"] >= len(plan.stages):
        parser.error(f"{asked.run} is done; go on with `train NEW --weights {asked.run / 'last.pt'} --minutes M`")
    model = Nano(runs.config_of(state))
    model.load_state_dict(state["model"])
    with runs.claimed(asked.run):
        Trainer(asked.run, plan, model, state).run()
