"""Stretched pages → what a scanner or a camera makes of them, on the device; the numbers are drawn by `blocks.worn`.

The effects are those of `drawing/wear.py`, applied to the picture as the model sees it.
"""

import functools

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .blocks import EFFECTS, WEAR

REACH = 3  # px of a blur to each side
SHADOW = 21  # grey of the shadow along a side
LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)  # JPEG's quantisation of brightness and of colour (ITU-T T.81, annex K)
CHROMA = "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 " + "99 " * 38


def _number(wear: Tensor, name: str) -> Tensor:
    """One number of each page, shaped to be multiplied with pages: (n, 1, 1, 1)."""
    return wear[:, WEAR.index(name), None, None, None]


def _turn(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    """Turned around the middle, in the canvas's own proportions; paper where nothing is."""
    n, _, height, width = pages.shape
    across, down = width / sizes[:, 0].float(), height / sizes[:, 1].float()
    sin, cos = wear[:, WEAR.index("sin")], wear[:, WEAR.index("cos")]
    # From a place on the turned page to one on the page, both in -1 … 1: `blocks.turned` the other way round.
    tall = (height / down) / (width / across)
    zero = torch.zeros_like(sin)
    theta = torch.stack((torch.stack((cos, -sin * tall, zero), 1), torch.stack((sin / tall, cos, zero), 1)), 1)
    grid = F.affine_grid(theta, [n, 3, height, width], align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    moved = F.grid_sample(pages, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return torch.where(inside, moved, paper[..., None, None])


def _fade(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    return torch.lerp(pages, ((paper + 128) / 2)[..., None, None].expand_as(pages), _number(wear, "fade"))


def _shade(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    height, width = pages.shape[2:]
    down = torch.linspace(0, 1, height, device=pages.device)[None, None, :, None]
    across = torch.linspace(0, 1, width, device=pages.device)[None, None, None]
    side = _number(wear, "side")
    ramp = torch.where(side < 2, down, across)
    ramp = torch.where(side % 2 == 0, ramp, 1 - ramp)
    return torch.lerp(pages, torch.full_like(pages, SHADOW), (ramp * _number(wear, "shade")).expand_as(pages))


def _blur(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    n, _, height, width = pages.shape
    at = torch.arange(-REACH, REACH + 1, device=pages.device)
    weight = torch.exp(-0.5 * (at / wear[:, WEAR.index("blur"), None].clamp(min=0.05)) ** 2)
    weight = (weight / weight.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]
    x = F.pad(pages.reshape(1, 3 * n, height, width), (REACH,) * 4, mode="replicate")
    x = F.conv2d(x, weight[:, :, None], groups=3 * n)
    return F.conv2d(x, weight[..., None], groups=3 * n).view(n, 3, height, width)


def _grain(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    n, _, height, width = pages.shape
    fine = torch.rand(n, 1, height, width, device=pages.device)
    coarse = torch.rand(n, 1, height // 2, width // 2, device=pages.device)
    coarse = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    grain = torch.where(_number(wear, "coarse") > 0, coarse, fine) * 2 - 1
    return pages + grain * _number(wear, "grain")


@functools.cache
def _tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The cosine transform of 8 px (8, 8), and both tables (64,)."""
    k, x = torch.arange(8, device=device)[:, None].float(), torch.arange(8, device=device)[None].float()
    cosines = torch.cos((2 * x + 1) * k * torch.pi / 16) / 2
    cosines[0] /= 2**0.5
    luma, chroma = (torch.tensor([float(value) for value in text.split()], device=device) for text in (LUMA, CHROMA))
    return cosines, luma, chroma


def _quantised(plane: Tensor, table: Tensor, cosines: Tensor) -> Tensor:
    """A plane (n, h, w) whose blocks of 8 x 8 are rounded to multiples of `table` (n, 8, 8)."""
    n, h, w = plane.shape
    blocks = plane.view(n, h // 8, 8, w // 8, 8).transpose(2, 3) - 128
    table = table[:, None, None]
    blocks = torch.round(cosines @ blocks @ cosines.mT / table) * table
    return (cosines.mT @ blocks @ cosines + 128).transpose(2, 3).reshape(n, h, w)


def _compress(pages: Tensor, wear: Tensor, paper: Tensor, sizes: Tensor) -> Tensor:
    """JPEG with halved colour."""
    quality = wear[:, WEAR.index("quality"), None]
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    cosines, *tables = _tables(pages.device)
    luma, chroma = (((table[None] * scale + 50) / 100).floor().clamp(1, 255).view(-1, 8, 8) for table in tables)
    red, green, blue = pages.clamp(0, 255).unbind(1)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    halved = [F.avg_pool2d(128 + plane[:, None], 2)[:, 0] for plane in ((blue - y) * 0.564, (red - y) * 0.713)]
    y = _quantised(y, luma, cosines)
    cb, cr = (
        F.interpolate(_quantised(plane, chroma, cosines)[:, None], scale_factor=2)[:, 0] - 128 for plane in halved
    )
    return torch.stack((y + 1.403 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.773 * cb), 1)


_DO = {"turn": _turn, "fade": _fade, "shade": _shade, "blur": _blur, "grain": _grain, "compress": _compress}


def aged(pages: Tensor, on: dict[str, Tensor]) -> Tensor:
    """Float pages (n, 3, h, w) → uint8, each worn as a block's arrays say: `wear`, `papers`, `sizes`, and by the name

    of each effect which pages it is for.
    """
    for effect in EFFECTS:
        chosen = on[effect]
        if len(chosen):
            pages[chosen] = _DO[effect](pages[chosen], on["wear"][chosen], on["papers"][chosen], on["sizes"][chosen])
    return pages.clamp(0, 255).round().to(torch.uint8)
