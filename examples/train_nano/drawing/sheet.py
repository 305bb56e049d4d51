"""What every painter starts from (a blank sheet for one layout) and what it hands back (canvases, question, answer)."""

import math
from dataclasses import dataclass, field

from PIL import Image

from ..geometry import Layout, source_size
from . import fonts
from .canvas import Canvas, Line
from .colours import Colour, ink_and_paper
from .fonts import Font

# Least font size as the model sees it: below, two lines share a 32 px cell and reading costs many times the training.
MIN_PX = 19
SMALLEST_PX = 14  # … except on a few pages of training, so that small print is not unheard of
SMALL_PRINT = 0.1  # share of these pages
SMALL_PICTURES = 0.08  # share of the pictures of training that are small, so that the processor enlarges them


def picture_size(rng, layout: Layout, held: bool) -> tuple[int, int]:
    """Width and height in px of a picture that the processor cuts into `layout`; small ones in training alone."""
    return source_size(rng, layout, 0.0 if held else SMALL_PICTURES)


@dataclass
class Drawn:
    """A question about `frames` (one canvas, or one per video frame) and its answer.

    `answer.letters` counts letters over all frames in order. `wear`: how much of the asked wear this one bears.
    """

    frames: list[Canvas]
    question: str
    answer: Line
    wear: float = 1.0


@dataclass
class Sheet:
    """Paper, ink and a source of letters, with sizes given as the model will see them."""

    rng: object
    canvas: Canvas
    layout: Layout
    ink: Colour
    held: bool
    source: str
    scale: float = field(init=False)  # model px per canvas px: down, or across if letters are squeezed by over 1.4
    margin: int = field(init=False)
    smallest: float = field(init=False)  # font size of the smallest text, as the model sees it

    def __post_init__(self):
        width, height = self.canvas.size
        across, down = self.layout.size_px[0] / width, self.layout.size_px[1] / height
        self.scale = min(down, across * 1.4)
        small_print = not self.held and self.rng.random() < SMALL_PRINT
        self.smallest = self.rng.uniform(SMALLEST_PX, MIN_PX) if small_print else MIN_PX
        self.margin = max(2, int(width * self.rng.choice([0.02, 0.02, 0.04, 0.08])))

    @classmethod
    def blank(cls, rng, layout: Layout, held: bool = False, size: tuple[int, int] | None = None) -> "Sheet":
        """A clean sheet that the processor will cut into `layout`."""
        ink, paper = ink_and_paper(rng)
        canvas = Canvas(*(size or picture_size(rng, layout, held)), paper)
        return cls(rng, canvas, layout, ink, held, fonts.pick(rng, held))

    @property
    def room(self) -> float:
        """Width between the margins in canvas px."""
        return self.canvas.size[0] - 2 * self.margin

    def px(self, model_px: float) -> int:
        """Canvas px of a size that the model sees as `model_px`."""
        return max(6 if self.held else 9, math.ceil(model_px / self.scale - 0.01))

    def least(self) -> int:
        """Canvas px of the smallest text that is drawn."""
        return self.px(self.smallest)

    def any_px(self, low: float, high: float) -> int:
        """A random size between two of the model's (log-uniform), in canvas px."""
        low = max(low - (MIN_PX - self.smallest), self.smallest)
        if not self.held and self.scale > 2:  # a small picture, enlarged
            high *= self.rng.uniform(1, 3)
        return self.px(math.exp(self.rng.uniform(math.log(low), math.log(max(high, low * 1.3)))))

    def font(self, size: int, source: str | None = None) -> Font:
        """The sheet's letters, or those of another source, at `size` canvas px."""
        return fonts.load(source or self.source, size)

    def fitting(self, text: str, size: int, room: float) -> Font | None:
        """The sheet's font, at most `size`, in which `text` fits into `room`; None: it would be too small to read."""
        font = self.font(size)
        width = font.width(text)
        if width > room:
            size = int(size * room / width)
            font = self.font(size) if size >= self.least() else None
        return font

    def clutter(self) -> None:
        """Things that are not text: a frame, rules, a soft gradient."""
        rng, canvas, (width, height) = self.rng, self.canvas, self.canvas.size
        faint = tuple(int(value + (255 - 2 * value) * rng.uniform(0.1, 0.5)) for value in canvas.paper)
        kind = rng.random()
        if kind < 0.4:
            canvas.pen.rectangle((2, 2, width - 3, height - 3), outline=faint, width=rng.randrange(1, 4))
        elif kind < 0.7:
            for _ in range(rng.randrange(1, 4)):
                y = rng.randrange(height)
                canvas.pen.line((0, y, width, y), fill=faint, width=rng.randrange(1, 3))
        else:
            ramp = Image.linear_gradient("L").rotate(rng.choice([0, 180])).resize((width, height))
            share = rng.uniform(0.08, 0.24)
            other = tuple(int(value + (128 - value) * share) for value in canvas.paper)
            canvas.image.paste(other, (0, 0), ramp)
