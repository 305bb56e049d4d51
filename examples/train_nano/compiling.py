"""Layers → compiled layers, tried on real steps before the clock of training starts."""

import time
import traceback
from collections.abc import Callable

import torch
import torch._dynamo

from .losses import Losses, character_sums
from .pools.supply import Pools
from .schedule import STAGES, Plan


def compile_and_rehearse(
    losses: Losses, supply: Pools, plan: Plan, stopped: Callable[[], bool], say: Callable[[str], None]
) -> None:
    """Compile what the plan's stages run, or find out that it must go without; no weight changes.

    A machine without a compiler for its GPU trains more slowly, which is said, and is no reason not to train.
    """
    if not plan.compiled:
        return
    torch._dynamo.config.suppress_errors = True  # what cannot be compiled later on runs as it is
    losses.model.compile_layers()
    losses.characters = torch.compile(character_sums, dynamic=False)
    try:
        _rehearse(losses, supply, plan, stopped, say)
    except torch.OutOfMemoryError:
        raise  # it would not fit without a compiler either
    except Exception:  # whatever a compiler raises
        traceback.print_exc()
        say("# compiling failed, as told above: trains without")
        losses.model.compile_nothing()
        losses.characters = character_sums
    losses.model.zero_grad(set_to_none=True)
    supply.forget_uses()


def _rehearse(losses: Losses, supply: Pools, plan: Plan, stopped, say) -> None:
    """Two steps of each stage, the last one first: the first is compiled for, the second finds what was left out."""
    for name in dict.fromkeys(reversed(plan.stages)):
        stage = STAGES[plan.supply][name]
        supply.begin(name, stopped, first_tiles=0)
        for _ in range(2):
            if stopped():
                return
            began = time.monotonic()
            losses(supply.next(stopped), stage.weights, stage.detached)[0].backward()
            losses.model.zero_grad(set_to_none=True)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            say(f"# compiled for {name}: {time.monotonic() - began:.1f} s")
