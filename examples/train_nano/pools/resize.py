"""Drawn canvases → tiles, on the device: the processor's two LANCZOS resizes as matrices, within 2 of 255 of Pillow's.

One matrix per side, canvas and step: to a longest edge of 512 px (a clip's frames: 256), then to multiples of 256.
Nothing here waits for a GPU.
"""

import functools

import torch
from torch import Tensor

from ..geometry import TILE_PX, Layout

LOBES = 3  # of the kernel on each side


def lanczos(before: Tensor, after: Tensor, most: tuple[int, int], taps: int) -> Tensor:
    """Matrices float (n, most[1], most[0]) that resize lines of `before` px (n,) to `after` px (n,), as Pillow does.

    taps: pixels that one pixel is made of, `taps_for` the largest before / after.
    """
    device = before.device
    scale = (before.float() / after.float())[:, None, None]
    support = scale.clamp(min=1)
    out = torch.arange(most[1], device=device)[None, :, None]
    centre = (out + 0.5) * scale
    at = (centre - LOBES * support).floor() + torch.arange(taps, device=device)
    x = (at + 0.5 - centre) / support
    inside = (x.abs() < LOBES) & (at >= 0) & (at < before[:, None, None]) & (out < after[:, None, None])
    weight = torch.sinc(x) * torch.sinc(x / LOBES) * inside
    total = weight.sum(-1, keepdim=True)
    weight = weight / torch.where(total.abs() < 1e-6, 1.0, total)
    result = torch.zeros(len(before), most[1], most[0], device=device)
    return result.scatter_add_(2, at.clamp(0, most[0] - 1).long(), weight)


def taps_for(scale: float) -> int:
    """Pixels under the kernel where lines become `scale` times shorter."""
    return 2 * LOBES * max(1, -int(-scale // 1)) + 2


def padded(pixels: Tensor, sizes: Tensor, starts: Tensor, height: int, width: int) -> Tensor:
    """Canvases that lie behind one another as bytes → uint8 (n, 3, height, width); beyond their edges, anything.

    sizes int (n, 4): width, height, …   starts int64 (n,): first byte of each
    """
    device = pixels.device
    y = torch.arange(height, device=device)[None, None, :, None]
    x = torch.arange(width, device=device)[None, None, None]
    channel = torch.arange(3, device=device)[None, :, None, None]
    w, h, start = (value.long()[:, None, None, None] for value in (sizes[:, 0], sizes[:, 1], starts))
    return pixels[start + (torch.minimum(y, h - 1) * w + torch.minimum(x, w - 1)) * 3 + channel]


def stretched(canvases: Tensor, sizes: Tensor, layout: Layout, edge: int, taps: int) -> Tensor:
    """uint8 (n, 3, h, w), canvases of `sizes` (width, height, fitted width, fitted height) in the upper left corner

    → float (n, 3, height, width) of the picture that is cut, 0 … 255; `edge`: the longest fitted side, px.
    """
    n, _, most_height, most_width = canvases.shape
    width, height = layout.size_px
    full = torch.ones(n, device=canvases.device, dtype=torch.int32)
    result = canvases.to(torch.float16 if canvases.is_cuda else torch.float32)
    w, h, fitted_w, fitted_h = sizes.unbind(1)
    for before, after, most in (
        ((w, h), (fitted_w, fitted_h), ((most_width, edge), (most_height, edge))),
        ((fitted_w, fitted_h), (full * width, full * height), ((edge, width), (edge, height))),
    ):
        across, down = (lanczos(*sides, taps).to(result.dtype) for sides in zip(before, after, most, strict=True))
        result = (result.flatten(1, 2) @ across.mT).view(n, 3, most[1][0], most[0][1]).clamp_(0, 255)
        result = (down[:, None] @ result).clamp_(0, 255)
    return result.float().round_()


def cut(pages: Tensor, layout: Layout) -> Tensor:
    """uint8 pages (n, 3, height, width) → tiles (n, tiles, 256, 256, 3), the whole page last; frames: (n, 1, …)."""
    if not layout.rows:
        return pages.permute(0, 2, 3, 1)[:, None]
    rows, cols = layout.rows, layout.cols
    tiles = pages.view(len(pages), 3, rows, TILE_PX, cols, TILE_PX).permute(0, 2, 4, 3, 5, 1).flatten(1, 2)
    whole = pages.float()
    if cols > 1:
        whole = (whole @ _shrinking(cols, pages.device).mT).clamp(0, 255)
    if rows > 1:
        whole = (_shrinking(rows, pages.device) @ whole).clamp(0, 255)
    whole = whole.round().to(torch.uint8).permute(0, 2, 3, 1)[:, None]
    return torch.cat((tiles, whole), 1)


@functools.cache
def _shrinking(parts: int, device: torch.device) -> Tensor:
    """The matrix that shrinks a side of `parts` tiles to one."""
    before, after = (torch.tensor([side]) for side in (parts * TILE_PX, TILE_PX))
    return lanczos(before, after, (parts * TILE_PX, TILE_PX), taps_for(parts))[0].to(device)
