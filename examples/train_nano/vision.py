"""Tiles → image tokens: the SigLIP tower, the pixel shuffle and the connector, named as in Hugging Face's Idefics3.

Sources: transformers modeling_idefics3.py (Idefics3VisionTransformer, Idefics3Connector).
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .config import NanoConfig


class VisionAttention(nn.Module):
    """Every patch looks at every patch."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        n, patches, width = x.shape
        split = (n, patches, self.heads, width // self.heads)
        q, k, v = (proj(x).view(split).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(mixed.transpose(1, 2).reshape(n, patches, width))


class VisionMlp(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class VisionLayer(nn.Module):
    def __init__(self, config: NanoConfig):
        super().__init__()
        self.self_attn = VisionAttention(config.vision_width, config.vision_heads)
        self.mlp = VisionMlp(config.vision_width, config.vision_hidden)
        self.layer_norm1 = nn.LayerNorm(config.vision_width, eps=1e-6)
        self.layer_norm2 = nn.LayerNorm(config.vision_width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class VisionModel(nn.Module):
    """Tiles uint8 (n, 256, 256, 3) → patch features float (n, 256, width)."""

    def __init__(self, config: NanoConfig):
        super().__init__()
        self.patch = config.patch
        self.embeddings = nn.Module()
        self.embeddings.patch_embedding = nn.Conv2d(3, config.vision_width, config.patch, config.patch)
        self.embeddings.position_embedding = nn.Embedding(config.patches, config.vision_width)
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(VisionLayer(config) for _ in range(config.vision_layers))
        self.post_layernorm = nn.LayerNorm(config.vision_width, eps=1e-6)

    def forward(self, tiles: Tensor) -> Tensor:
        n, side, patch = len(tiles), tiles.shape[1] // self.patch, self.patch
        x = tiles.view(n, side, patch, side, patch, 3).permute(0, 1, 3, 5, 2, 4)
        x = x.reshape(n, side * side, 3 * patch * patch).float().mul_(1 / 127.5).sub_(1)
        filters = self.embeddings.patch_embedding  # a convolution whose stride is its size is a matrix product
        x = F.linear(x, filters.weight.flatten(1), filters.bias) + self.embeddings.position_embedding.weight
        for layer in self.encoder.layers:
            x = layer(x)
        return self.post_layernorm(x)

    @torch.no_grad()
    def start_local(self) -> None:
        """Begin near an encoder that looks at its neighbours and not at the paper's colour.

        Positions are 2-D sines of unit size (noise of .02 leaves attention blind to position for hundreds of steps),
        patch filters have no DC part, keys equal queries.
        """
        weight = self.embeddings.patch_embedding.weight
        weight.sub_(weight.mean((1, 2, 3), keepdim=True)).mul_(1.5)
        positions = self.embeddings.position_embedding.weight
        side, quarter = int(len(positions) ** 0.5), positions.shape[1] // 4
        frequency = 1.2 / 12.0 ** (torch.arange(quarter) / (quarter - 1))
        angle = torch.arange(side)[:, None] * frequency
        line = torch.cat((angle.sin(), angle.cos()), 1)
        grid = (line[:, None].expand(side, side, -1), line[None].expand(side, side, -1))
        positions.copy_(torch.cat(grid, -1).reshape(positions.shape) * 0.7)
        for layer in self.encoder.layers:
            layer.self_attn.k_proj.weight.copy_(layer.self_attn.q_proj.weight)


def pixel_shuffle(features: Tensor, scale: int) -> Tensor:
    """Patches (n, side², d) → cells of scale x scale patches (n, (side / scale)², d · scale²)."""
    n, patches, d = features.shape
    side = int(patches**0.5)
    x = features.view(n, side, side // scale, d * scale).permute(0, 2, 1, 3)
    x = x.reshape(n, side // scale, side // scale, d * scale * scale).permute(0, 2, 1, 3)
    return x.reshape(n, patches // scale**2, d * scale * scale)


class Connector(nn.Module):
    """Patch features → image tokens as wide as the decoder's embeddings."""

    def __init__(self, config: NanoConfig):
        super().__init__()
        self.scale = config.scale
        self.modality_projection = nn.Module()
        self.modality_projection.proj = nn.Linear(config.vision_width * config.scale**2, config.width, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.modality_projection.proj(pixel_shuffle(features, self.scale))
