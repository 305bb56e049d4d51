"""Tiles and ids → logits: SmolVLM in plain PyTorch, its weights named as in Hugging Face.

`Nano.state_dict()` is that of Idefics3ForConditionalGeneration (tied head) plus two dense heads on the tower that only
training uses (`TRAINING_ONLY`). Source of the decoder: transformers modeling_llama.py.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from . import vocabulary
from .config import NanoConfig
from .labels import CLASSES, SLOTS
from .vision import Connector, VisionModel

TRAINING_ONLY = ("characters", "colours")


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of (…, positions, head width), halves paired as Llama does."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class RmsNorm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)


class Attention(nn.Module):
    """Causal attention with shared key-value heads and rotary positions."""

    def __init__(self, config: NanoConfig):
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.head_width = config.width // config.heads
        inner, shared = config.heads * self.head_width, config.kv_heads * self.head_width
        self.q_proj = nn.Linear(config.width, inner, bias=False)
        self.k_proj = nn.Linear(config.width, shared, bias=False)
        self.v_proj = nn.Linear(config.width, shared, bias=False)
        self.o_proj = nn.Linear(inner, config.width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], guide=None, cache: dict | None = None):
        """Mixed (n, t, width) and, with a `guide` of (answer rows, image columns), one head's logits between them."""
        n, t, _ = x.shape
        q = rotate(self.q_proj(x).view(n, t, self.heads, -1).transpose(1, 2), *turn)
        k = rotate(self.k_proj(x).view(n, t, self.kv_heads, -1).transpose(1, 2), *turn)
        v = self.v_proj(x).view(n, t, self.kv_heads, -1).transpose(1, 2)
        causal = True
        if cache is not None:
            if cache:
                k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
                causal = t > 1
            cache.update(k=k, v=v)
        looked = None if guide is None else self._look(q[:, 0], k[:, 0], guide)
        share = self.heads // self.kv_heads
        k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.o_proj(mixed.transpose(1, 2).reshape(n, t, -1)), looked

    def _look(self, q: Tensor, k: Tensor, guide: tuple[Tensor, Tensor]) -> Tensor:
        """Attention logits of the first head from answer positions (n, a) to image positions (n, i): (n, a, i)."""
        rows, cols = (at[..., None].expand(-1, -1, self.head_width) for at in guide)
        return q.gather(1, rows) @ k.gather(1, cols).transpose(1, 2) / math.sqrt(self.head_width)


class Mlp(nn.Module):
    def __init__(self, config: NanoConfig):
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.up_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.down_proj = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, config: NanoConfig):
        super().__init__()
        self.self_attn, self.mlp = Attention(config), Mlp(config)
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(config.width), RmsNorm(config.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], guide=None, cache: dict | None = None):
        mixed, looked = self.self_attn(self.input_layernorm(x), turn, guide, cache)
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x)), looked


class Nano(nn.Module):
    """The whole model; see `read` for its use and `train.py` for its losses."""

    def __init__(self, config: NanoConfig):
        super().__init__()
        self.config = config
        self.model = nn.Module()
        self.model.vision_model = VisionModel(config)
        self.model.connector = Connector(config)
        self.model.text_model = nn.Module()
        self.model.text_model.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.model.text_model.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.model.text_model.norm = RmsNorm(config.width)
        self.characters = nn.Linear(config.vision_width, SLOTS * CLASSES)
        self.colours = nn.Linear(config.vision_width, 3)
        self._start()
        width = config.width // config.heads
        frequency = 1 / config.rope_theta ** (torch.arange(0, width, 2).float() / width)
        angle = torch.outer(torch.arange(config.context).float(), frequency).repeat(1, 2)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def _start(self) -> None:
        for name, value in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(value)
            elif value.dim() >= 2:
                out = name.split(".")[-2] in ("out_proj", "fc2", "o_proj", "down_proj")  # what adds to the residual
                table = name.split(".")[-2] in ("embed_tokens", "position_embedding")
                nn.init.normal_(value, std=0.02 if table else (0.5 if out else 1) / math.sqrt(value[0].numel()))
        self.model.vision_model.start_local()
        nn.init.zeros_(self.colours.weight)  # begins as "light grey everywhere": the tower feels it only once it helps
        nn.init.constant_(self.colours.bias, 0.7)

    def see(self, tiles: Tensor) -> Tensor:
        """Patch features (n, 256, vision width) of tiles uint8 (n, 256, 256, 3)."""
        return self.model.vision_model(tiles)

    def embed(self, ids: Tensor, features: Tensor) -> Tensor:
        """Embeddings (n, t, width) of `ids`, its <image> positions filled with image tokens in order."""
        x = self.model.text_model.embed_tokens(ids)
        image = self.model.connector(features).reshape(-1, x.shape[-1]).to(x.dtype)
        return x.masked_scatter((ids == vocabulary.IMAGE)[..., None].expand_as(x), image)

    def decode(self, x: Tensor, guide=None, cache: list[dict] | None = None, start: int = 0):
        """Hidden states (n, t, width) of embeddings at positions `start` …, and the guided head's logits."""
        turn = self.cos[start : start + x.shape[1]], self.sin[start : start + x.shape[1]]
        guided = None
        for i, layer in enumerate(self.model.text_model.layers):
            here = guide if i == self.config.guide_layer else None
            x, looked = layer(x, turn, here, cache[i] if cache else None)
            guided = looked if here else guided
        return self.model.text_model.norm(x), guided

    def head(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary (tied to the embeddings)."""
        return F.linear(hidden, self.model.text_model.embed_tokens.weight)

    @torch.no_grad()
    def read(self, tiles, prompt: list[int], most: int = 400) -> list[int]:
        """Answer ids for one sample (uint8 tiles, prompt ids), greedily, <end_of_utterance> left out."""
        device = self.cos.device
        features = self.see(torch.as_tensor(tiles, device=device))
        cache: list[dict] = [{} for _ in range(self.config.layers)]
        hidden, _ = self.decode(self.embed(torch.tensor([prompt], device=device), features), cache=cache)
        answer: list[int] = []
        while len(answer) < most and len(prompt) + len(answer) < self.config.context:
            token = int(self.head(hidden[:, -1]).argmax())
            if token == vocabulary.END:
                break
            answer.append(token)
            x = self.model.text_model.embed_tokens(torch.tensor([[token]], device=device))
            hidden, _ = self.decode(x, cache=cache, start=len(prompt) + len(answer) - 1)
        return answer
