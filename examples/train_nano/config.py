"""The sizes of the model. Torch-free; `export.py` writes them as config.json."""

from dataclasses import dataclass

from . import geometry, vocabulary


@dataclass(frozen=True)
class NanoConfig:
    """A complete SmolVLM in small. The defaults have 5.55 M parameters; the built-in model has these."""

    vision_width: int = 192
    vision_layers: int = 5
    vision_heads: int = 6
    vision_hidden: int = 576
    width: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 768
    guide_layer: int = 2  # the decoder layer whose first head is shown where to look while training
    context: int = 2048
    rope_theta: float = 10000.0
    vocabulary: int = vocabulary.SIZE
    tile: int = geometry.TILE_PX
    patch: int = geometry.PATCH_PX
    scale: int = geometry.CELL_PX // geometry.PATCH_PX  # side of the pixel shuffle

    @property
    def patches(self) -> int:
        """Vision patches per tile."""
        return (self.tile // self.patch) ** 2


SIZES = {
    "base": NanoConfig(),
    "big": NanoConfig(256, 8, 8, 1024, 320, 6, 5, 5, 960, guide_layer=3),  # 14 M, for a GPU
    "tiny": NanoConfig(64, 2, 2, 128, 64, 2, 2, 1, 128, guide_layer=1),  # for the smoke test
}
