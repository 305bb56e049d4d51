"""Many samples at once → answers, greedily: for a first verdict, where one by one would take minutes."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import vocabulary
from .model import Nano, rotate

TOGETHER = 256  # tiles that the tower sees at once
LOOKS = 16  # tokens after which it is looked whether all answers have ended; each look waits for the device


class _Keys:
    """Keys and values of the decoder's layers so far, and which positions each sample may look at.

    Prompts are padded on the left: `skipped` int64 (n,) ids of each row are padding.
    """

    def __init__(self, model: Nano, skipped: Tensor, size: int):
        config = model.config
        shape = (config.layers, 2, len(skipped), config.heads, size, config.width // config.heads)
        self.kept = torch.zeros(shape, device=skipped.device)
        self.skipped, self.start = skipped, 0
        self._at = torch.arange(size, device=skipped.device)

    def mask(self, count: int) -> tuple[Tensor, Tensor]:
        """Positions int64 (n, count) of the next ids, padding left out, and what they see, bool (n, 1, count, …)."""
        rows = self._at[self.start : self.start + count]
        earlier = (self._at[None, None] <= rows[None, :, None]) & (self._at >= self.skipped[:, None])[:, None]
        seen = earlier | (self._at == rows[:, None])[None]  # padding sees itself: nothing would be no number
        return (rows - self.skipped[:, None]).clamp(min=0), seen[:, None, :, : self.start + count]


def _attend(layer, x: Tensor, turn: tuple[Tensor, Tensor], kept: Tensor, keys: _Keys, seen: Tensor) -> Tensor:
    """One layer's hidden states (n, t, width) of the next t ids; keys and values are kept."""
    own, (n, t, _) = layer.self_attn, x.shape
    normed = layer.input_layernorm(x)
    q, k, v = (
        proj(normed).view(n, t, -1, own.head_width).transpose(1, 2) for proj in (own.q_proj, own.k_proj, own.v_proj)
    )
    share, end = own.heads // own.kv_heads, keys.start + t
    kept[0, :, :, keys.start : end] = rotate(k, *turn).repeat_interleave(share, 1)
    kept[1, :, :, keys.start : end] = v.repeat_interleave(share, 1)
    mixed = F.scaled_dot_product_attention(rotate(q, *turn), *kept[:, :, :, :end], attn_mask=seen)
    x = x + own.o_proj(mixed.transpose(1, 2).reshape(n, t, -1))
    return x + layer.mlp(layer.post_attention_layernorm(x))


@torch.no_grad()
def answers(model: Nano, tiles: Tensor, prompts: list[list[int]], most: int) -> list[list[int]]:
    """Answer ids of samples that have equally many tiles, <end_of_utterance> left out; at most `most` of each.

    tiles: uint8 (samples · n, 256, 256, 3) on the model's device, which computes in float32.
    """
    device, longest = tiles.device, max(map(len, prompts))
    ids = torch.tensor([[vocabulary.PADDING] * (longest - len(p)) + p for p in prompts], device=device)
    features = torch.cat([model.see(part) for part in tiles.split(TOGETHER)])
    x = model.embed(ids, features)
    keys = _Keys(model, torch.tensor([longest - len(p) for p in prompts], device=device), longest + most)
    said = torch.full((len(prompts), most), vocabulary.END, device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    for step in range(most):
        at, seen = keys.mask(x.shape[1])
        turn = model.cos[at][:, None], model.sin[at][:, None]
        for layer, kept in zip(model.model.text_model.layers, keys.kept, strict=True):
            x = _attend(layer, x, turn, kept, keys, seen)
        keys.start += x.shape[1]
        token = model.head(model.model.text_model.norm(x[:, -1])).argmax(-1)
        said[:, step] = torch.where(done, vocabulary.END, token)
        done |= token == vocabulary.END
        if step % LOOKS == LOOKS - 1 and bool(done.all()):
            break
        x = model.model.text_model.embed_tokens(said[:, step])[:, None]
    return [[token for token in row if token != vocabulary.END] for row in said.tolist()]
