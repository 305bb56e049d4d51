"""The sizes of the model. Torch-free; `export.py` writes them as config.json."""

from dataclasses import dataclass

from . import geometry, vocabulary


@dataclass(frozen=True)
class NanoConfig:
    """A complete SmolVLM in small. The defaults have 7.1 M parameters; the built-in model is `large`."""

    vision_width: int = 192
    vision_layers: int = 5
    vision_heads: int = 6
    vision_hidden: int = 576
    width: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 768
    # Decoder layers whose first head is shown, while training, where the last written letter stands, and the next one.
    here_layers: tuple[int, ...] = (1, 2)
    next_layers: tuple[int, ...] = (3, 4)
    context: int = 2048
    rope_theta: float = 10000.0
    vocabulary: int = vocabulary.SIZE
    tile: int = geometry.TILE_PX
    patch: int = geometry.PATCH_PX
    scale: int = geometry.CELL_PX // geometry.PATCH_PX  # side of the pixel shuffle

    def __post_init__(self):
        if max(0, *self.here_layers, *self.next_layers) >= self.layers:
            raise SystemExit(
                f"a decoder of {self.layers} layers has no layer {max(*self.here_layers, *self.next_layers)}"
            )

    @property
    def patches(self) -> int:
        """Vision patches per tile."""
        return (self.tile // self.patch) ** 2


SIZES = {
    "base": NanoConfig(),
    "big": NanoConfig(256, 8, 8, 1024, 320, 6, 5, 5, 960),  # 15 M, for a GPU
    "large": NanoConfig(
        256, 8, 8, 1024, 320, 7, 5, 5, 960, here_layers=(1, 2), next_layers=(3, 4, 5)
    ),  # 16.4 M, trained on a GPU
    "tiny": NanoConfig(64, 2, 2, 128, 64, 2, 2, 1, 128, here_layers=(0,), next_layers=(1,)),  # for the smoke test
}
