"""How a page is looked at to be read: turned upright, its lines level, what is on it found; and the jobs about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from smolcli.datatypes import Box, Place, Size
from smolcli.jobs import Answer, Job, Look
from smolcli.layout import Block, Layout, Line, find_layout, find_skew, straight_to_page, upright_turns
from smolcli.media import TextLayer
from smolcli.run import OpenFiles
from smolcli.verbs.ocr.sheets import Form, Pixels, shares
from smolcli.verbs.template import Template

SURE = 0.9  # mean probability of a token of what is read first: the page stands upright
MARGIN = 0.15  # by which a less likely turn must read surer: letters on their side are read as others, and surely


@dataclass(frozen=True, slots=True)
class View:
    """One page to be read: where it is, what is asked of its parts, and how the model reads best.

    layer: its own text, which stands for all of the page but the pictures on it.
    """

    files: OpenFiles
    place: Place
    template: Template
    form: Form
    layer: TextLayer | None = None

    @property
    def size_px(self) -> Size:
        """Of the page as it is given."""
        rgb = self.files.straight(self.place, self.template.look).rgb
        return rgb.shape[1], rgb.shape[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd with the page when it was decoded."""
        return self.files.straight(self.place, self.template.look).warnings

    def turns(self) -> tuple[int, ...]:
        """The turns to try, the likeliest first."""
        if self.layer is not None:
            return (self.layer.rotation,)
        return upright_turns(self.files.straight(self.place, self.template.look).rgb)

    def turned(self, turn: int) -> Turned:
        """The page turned (degrees clockwise) and level, with what is on it. Raises MediaError."""
        look = replace(self.template.look, turn=turn)
        skew = find_skew(self.files.straight(self.place, look).rgb)
        look = replace(look, skew_deg=skew)
        rgb = self.files.straight(self.place, look).rgb
        page = Turned(find_layout(rgb), (rgb.shape[1], rgb.shape[0]), look, self.size_px)
        return page if self.layer is None else page.within(self.layer.pictures)


@dataclass(frozen=True, slots=True)
class Turned:
    """A page that was turned to be read: what is on it, its size, how it is looked at; page_px: as it was given."""

    layout: Layout
    size_px: Size
    look: Look
    page_px: Size

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, in reading order."""
        return self.layout.lines

    def within(self, boxes: Sequence[Box]) -> Turned:
        """The same with only those lines whose middle is in one of some boxes of the page."""
        parts = (self._part(block, boxes) for block in self.layout.blocks)
        return replace(self, layout=replace(self.layout, blocks=tuple(part for part in parts if part.lines)))

    def _part(self, block: Block, boxes: Sequence[Box]) -> Block:
        """What of a block is in some boxes: print may go on from a page's own text into a picture beneath it."""
        lines = tuple(line for line in block.lines if is_in(self.box(line.box_px), boxes))
        return block if lines == block.lines else Block("text", block.box_px, lines)

    def box(self, box_px: Pixels) -> Box:
        """Pixels of the turned page as shares of the page as it was given."""
        left, top, right, bottom = box_px
        width, height = self.size_px
        return self.box_of_shares((left / width, top / height, (right - left) / width, (bottom - top) / height))

    def box_of_shares(self, box: Box) -> Box:
        """Shares of the turned page as shares of the page as it was given."""
        return straight_to_page(box, self.look.turn, self.look.skew_deg, self.page_px)

    def job(self, view: View, boxes_px: Sequence[Pixels], look: Look, max_tokens: int | None) -> Job:
        """A request about some boxes of the turned page."""
        places = tuple(replace(view.place, box=shares(box, self.size_px)) for box in boxes_px)
        sampling = replace(view.template.sampling, max_tokens=max_tokens)
        return Job(places, view.template.questions[0], look, sampling)


def is_in(box: Box, others: Sequence[Box]) -> bool:
    """Whether the middle of a box is in another one."""
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return any(left <= x <= left + width and top <= y <= top + height for left, top, width, height in others)


def confidence(answer: Answer) -> float:
    """The geometric mean of its tokens' probabilities."""
    return math.exp(answer.generation.mean_logprob or 0.0)
