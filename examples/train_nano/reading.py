"""Many samples at once → answers, greedily: for a first verdict, where one by one would take minutes."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import vocabulary
from .model import Attention, Nano, rotate

TOGETHER = 256  # tiles that the tower sees at once
LOOKS = 16  # tokens after which it is looked whether all answers have ended; each look waits for the device


class _Decoder:
    """The decoder's layers with the keys and values of all ids so far.

    Prompts are padded on the left: `skipped` int64 (n,) ids of each row are padding. `size`: most ids of a row.
    """

    def __init__(self, model: Nano, skipped: Tensor, size: int):
        config = model.config
        shape = (config.layers, 2, len(skipped), config.heads, size, config.width // config.heads)
        self._kept = torch.zeros(shape, device=skipped.device)
        self._model, self._skipped, self._start = model, skipped, 0
        self._at = torch.arange(size, device=skipped.device)

    def __call__(self, x: Tensor) -> Tensor:
        """The last hidden states (n, width) of the next embeddings (n, t, width)."""
        count = x.shape[1]
        rows = self._at[self._start : self._start + count]
        at = (rows - self._skipped[:, None]).clamp(min=0)  # positions, padding left out
        self._turn = self._model.cos[at][:, None], self._model.sin[at][:, None]
        earlier = (self._at <= rows[:, None])[None] & (self._at >= self._skipped[:, None])[:, None]
        seen = earlier | (self._at == rows[:, None])[None]  # padding sees itself: nothing would be no number
        self._seen = seen[:, None, :, : self._start + count]
        for layer, kept in zip(self._model.model.text_model.layers, self._kept, strict=True):
            x = x + self._attend(layer.self_attn, layer.input_layernorm(x), kept)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        self._start += count
        return self._model.model.text_model.norm(x[:, -1])

    def _attend(self, own: Attention, x: Tensor, kept: Tensor) -> Tensor:
        n, t, _ = x.shape
        projected = (own.q_proj(x), own.k_proj(x), own.v_proj(x))
        q, k, v = (value.view(n, t, -1, own.head_width).transpose(1, 2) for value in projected)
        share, end = own.heads // own.kv_heads, self._start + t
        kept[0, :, :, self._start : end] = rotate(k, *self._turn).repeat_interleave(share, 1)
        kept[1, :, :, self._start : end] = v.repeat_interleave(share, 1)
        mixed = F.scaled_dot_product_attention(rotate(q, *self._turn), *kept[:, :, :, :end], attn_mask=self._seen)
        return own.o_proj(mixed.transpose(1, 2).reshape(n, t, -1))


@torch.no_grad()
def answers(model: Nano, tiles: Tensor, prompts: list[list[int]], most: int) -> list[list[int]]:
    """Answer ids of samples that have equally many tiles, <end_of_utterance> left out; at most `most` of each.

    tiles: uint8 (samples · n, 256, 256, 3) on the model's device, which computes in float32.
    """
    device, longest = tiles.device, max(map(len, prompts))
    ids = torch.tensor([[vocabulary.PADDING] * (longest - len(p)) + p for p in prompts], device=device)
    features = torch.cat([model.see(part) for part in tiles.split(TOGETHER)])
    x = model.embed(ids, features)
    skipped = torch.tensor([longest - len(p) for p in prompts], device=device)
    decoder = _Decoder(model, skipped, longest + most)
    said = torch.full((len(prompts), most), vocabulary.END, device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    for step in range(most):
        token = model.head(decoder(x)).argmax(-1)
        said[:, step] = torch.where(done, vocabulary.END, token)
        done |= token == vocabulary.END
        if step % LOOKS == LOOKS - 1 and bool(done.all()):
            break
        x = model.model.text_model.embed_tokens(said[:, step])[:, None]
    return [[token for token in row if token != vocabulary.END] for row in said.tolist()]
