"""Gradients → steps: Muon for the hidden matrices, AdamW for tables, norms, biases and the dense head.

Muon (Keller Jordan, 2024): momentum, made orthogonal by a few Newton-Schulz iterations.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

# Coefficients of the four iterations: the first ones pull small singular values up, the last ones settle near 1.
_ITERATIONS = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
)


def orthogonal(x: Tensor) -> Tensor:
    """Nearly the orthogonal factor of each matrix in (n, rows, cols)."""
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.flatten(-2).norm(dim=-1)[:, None, None] * 1.02 + 1e-7)
    for a, b, c in _ITERATIONS:
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Steps of equal spectral size for matrices; those of one shape are treated together.

    `product` is the type in which the iterations multiply; bfloat16 is exact enough.
    """

    def __init__(self, params, product: torch.dtype, momentum: float = 0.95, decay: float = 0.01):
        super().__init__(params, {"lr": 0.0, "momentum": momentum, "decay": decay})
        self.product = product

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for param in group["params"]:
                if param.grad is not None:
                    shapes.setdefault(param.shape, []).append(param)
            for params in shapes.values():
                self._step_alike(group, params)

    def _step_alike(self, group: dict, params: list[Tensor]) -> None:
        looked_ahead = []
        for param in params:
            state = self.state[param]
            if not state:
                state["momentum"] = torch.zeros_like(param)
            momentum = state["momentum"]
            momentum.lerp_(param.grad, 1 - group["momentum"])
            looked_ahead.append(param.grad.lerp(momentum, group["momentum"]))
        rows, cols = params[0].shape
        size = group["lr"] * max(1, rows / cols) ** 0.5
        updates = orthogonal(torch.stack(looked_ahead).to(self.product)).to(params[0].dtype)
        for param, update in zip(params, updates, strict=True):
            param.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-size)


class Rates(NamedTuple):
    """Full learning rates: Muon's, AdamW's, and how fast the tower moves beside the rest.

    A tower that has learned is ruined within minutes by a full rate; .3 to .5 improves it.
    """

    matrix: float
    vector: float
    tower: float = 1.0


class Optimizer:
    """Both optimizers and the moving average of the weights, which reads better than the last weights."""

    AVERAGE = 0.004  # share of the new weights per step

    def __init__(self, model: nn.Module, rates: Rates, product: torch.dtype = torch.float32):
        matrices, vectors = ([], []), ([], [])
        for name, param in model.named_parameters():
            tower = "vision_model" in name or name.startswith("characters")
            table = "embed" in name or name.startswith("characters")
            (matrices if param.dim() == 2 and not table else vectors)[tower].append(param)
        scales = (1.0, rates.tower)
        muon = [{"params": p, "lr": rates.matrix * s} for p, s in zip(matrices, scales, strict=True)]
        adam = [{"params": p, "lr": rates.vector * s} for p, s in zip(vectors, scales, strict=True)]
        self.parts = (Muon(muon, product), torch.optim.AdamW(adam, betas=(0.9, 0.98), weight_decay=0.0))
        self._rates = [[group["lr"] for group in part.param_groups] for part in self.parts]
        self._model, self.steps = model, 0
        self.average = {name: value.detach().clone() for name, value in model.named_parameters()}

    def step(self, share: float) -> float:
        """One step at `share` of the full learning rates; gives the norm that the gradient had, and clears it."""
        norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        for part, rates in zip(self.parts, self._rates, strict=True):
            for group, rate in zip(part.param_groups, rates, strict=True):
                group["lr"] = rate * share
            part.step()
        self._model.zero_grad(set_to_none=True)
        self.steps += 1
        weights = [(self.average[name], value.detach()) for name, value in self._model.named_parameters()]
        share = max(self.AVERAGE, 1 / (self.steps + 1)) if self.steps < 250 else self.AVERAGE
        torch._foreach_lerp_([old for old, _ in weights], [new for _, new in weights], share)
        return float(norm)

    def state_dict(self) -> dict:
        """Everything that a run needs to go on."""
        return {"parts": [part.state_dict() for part in self.parts], "average": self.average, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was taken."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        for name, value in state["average"].items():
            self.average[name].copy_(value)
        self.steps = state["steps"]
