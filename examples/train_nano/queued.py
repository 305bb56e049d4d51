"""Drawn batches → steps of one layout each: what two cores can draw and learn from."""

from collections.abc import Callable

import torch

from .batches import ADVANCE, DENSE, PHASES, Producers
from .lessons import Step, step_of
from .schedule import STAGES, Plan, Progress

MEMORY = 0.025  # weight of the last step in the moving average of accuracy


class Queued:
    """Steps from a queue, whose curriculum goes on when token accuracy has passed the mark of a phase."""

    def __init__(self, plan: Plan, device: torch.device, progress: Progress, say: Callable[[str], None]):
        self._plan, self._device, self._progress, self._say = plan, device, progress, say
        self._producers: Producers | None = None
        if plan.trained and not progress.steps:
            progress.phase = len(PHASES) - 1

    def begin(self, stage: str, stopped: Callable[[], bool]) -> None:
        """Draw for this stage."""
        self.close()
        plan, weights = self._plan, STAGES[self._plan.supply][stage].weights
        self._alone = stage == "vision"
        phase = -1 if self._alone else self._progress.phase
        seed, both = f"{plan.seed}/{self._progress.steps}", bool(weights.answer and weights.characters)
        self._producers = Producers(plan.producers, seed, plan.tiles, phase, dense=both)

    def draw_for(self, stage: str) -> None:
        """Nothing is drawn ahead for the stage to come."""

    def next(self, stopped: Callable[[], bool]) -> Step | None:
        """The next step; None once `stopped`."""
        batch = self._producers.next(stopped)
        if batch is None:
            return None
        self._progress.samples += len(batch.ids)
        return step_of(batch, self._device, self._alone or batch.name == DENSE)

    def learned(self, parts: dict[str, torch.Tensor]) -> None:
        """Move the curriculum on where the step's accuracy says so."""
        progress = self._progress
        pairs = [value for name, value in parts.items() if name.startswith("accuracy")]
        for right, count in pairs:
            progress.accuracy += (float(right / count.clamp(min=1)) - progress.accuracy) * MEMORY
        if pairs and progress.phase < len(ADVANCE) and progress.accuracy > ADVANCE[progress.phase]:
            progress.phase, progress.accuracy = progress.phase + 1, 0.0
            self._say(f"# step {progress.steps}: phase {progress.phase}")
            self._producers.phase(progress.phase)

    def told(self) -> str:
        """Nothing to add to the log."""
        return ""

    def close(self) -> None:
        """End the drawing processes."""
        if self._producers:
            self._producers.close()
