"""Model and batch → the losses: the answer, characters and colour of each patch, where one head looks."""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .batches import IGNORE, Batch
from .config import NanoConfig
from .labels import CLASSES
from .labels import IGNORE as UNREADABLE
from .model import Nano

BLANK_WEIGHT = 0.12  # of "no character here" beside a character
COLOUR_WEIGHT = 5.0  # of a patch's mean colour beside its characters
BLANK_SHARE = 0.25  # of the blank patches that are looked at


class Weights(NamedTuple):
    """How much each loss counts in a stage."""

    answer: float
    characters: float
    guide: float


def character_loss(model: Nano, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Dense loss of patch features (n, 256, width) against labels uint8 (n, 256, 4), and the accuracy on characters."""
    labels, features = labels.flatten(0, 1), features.flatten(0, 1)
    written = ((labels > 0) & (labels < UNREADABLE)).any(1)
    blank = (labels[:, 0] == 0) & (torch.rand(len(labels), device=labels.device) < BLANK_SHARE)
    chosen = (written | blank).nonzero()[:, 0]
    logits = model.characters(features[chosen]).view(-1, CLASSES)
    target = labels[chosen].long().flatten()
    weight = torch.where(target > 0, 1.0, BLANK_WEIGHT)
    loss = (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum().clamp(min=1)
    right = logits.argmax(-1) == target
    return loss, right[target > 0].float().mean()


def colour_loss(model: Nano, features: Tensor, tiles: Tensor) -> Tensor:
    """Mean squared error of each patch's mean colour (0 … 1), which a tower that only reads letters does not see."""
    n, side, patch = len(tiles), tiles.shape[1] // model.config.patch, model.config.patch
    mean = tiles.view(n, side, patch, side, patch, 3).float().mean((2, 4)).flatten(1, 2) / 255
    return F.mse_loss(model.colours(features), mean)


def answer_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Loss of logits (b, a, vocabulary) against ids (b, a), a token weighing 1 / √length of its answer.

    Weighed alike, the letters of a paragraph would drown the one word that says whether the page answers at all.
    """
    real = targets != IGNORE
    weight = real * real.sum(1, keepdim=True).clamp(min=1) ** -0.5
    each = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="none")
    return (each * weight.flatten()).sum() / weight.sum()


def guide_losses(looked: dict[int, Tensor], cells: Tensor, config: NanoConfig) -> dict[str, Tensor]:
    """Where the first head of each taught layer looks, logits (b, a, images), against cells (b, a) of the letters.

    Some are to look at the letter that was written last, the ones above them at the letter that comes next: where one
    is must be known before one can go on, and a page on which words recur is not read by looking for the next letter
    alone.
    """
    here = F.pad(cells[:, :-1], (1, 0), value=IGNORE)
    taught = [(layer, here) for layer in config.here_layers] + [(layer, cells) for layer in config.next_layers]
    result = {}
    for layer, target in taught:
        logits = looked[layer].float().flatten(0, 1)
        result[f"guide({layer})"] = F.cross_entropy(logits, target.flatten(), ignore_index=IGNORE)
    return {name: loss for name, loss in result.items() if not loss.isnan()}


def losses(model: Nano, batch: Batch, weights: Weights, autocast) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum to be minimised and its parts by name (detached); `autocast()` is the context for matrices."""
    device = model.cos.device
    on = {key: torch.from_numpy(getattr(batch, key)).to(device, non_blocking=True) for key in batch._fields[1:]}
    tower_learns = model.characters.weight.requires_grad
    with autocast(), torch.set_grad_enabled(tower_learns and torch.is_grad_enabled()):
        features = model.see(on["tiles"]).float()
    total, parts = torch.zeros((), device=device), {}
    if weights.characters:
        parts["colours"] = colour_loss(model, features, on["tiles"])
        total = total + COLOUR_WEIGHT * weights.characters * parts["colours"]
    if weights.characters and (batch.labels > 0).any():
        loss, accuracy = character_loss(model, features, on["labels"])
        total = total + weights.characters * loss
        parts |= {"characters": loss, "character_accuracy": accuracy}
    if weights.answer:
        with autocast():
            embedded = model.embed(on["ids"], features)
            hidden, looked = model.decode(embedded, (on["rows"], on["images"]))
            rows = on["rows"][..., None].expand(-1, -1, hidden.shape[-1])
            logits = model.head(hidden.gather(1, rows))
        targets = on["targets"]
        answer = answer_loss(logits, targets)
        total = total + weights.answer * answer
        right = (logits.argmax(-1) == targets)[targets != IGNORE].float().mean()
        parts |= {f"answer({batch.name})": answer, f"accuracy({batch.name})": right}
        if (batch.cells != IGNORE).any():
            guides = guide_losses(looked, on["cells"], model.config)
            total = total + weights.guide * sum(guides.values())
            parts |= guides
    return total, {name: value.detach() for name, value in parts.items() if not value.isnan()}
