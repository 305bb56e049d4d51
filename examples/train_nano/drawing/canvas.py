"""Strings at places → a picture that remembers where each of its letters stands."""

from typing import NamedTuple

from PIL import Image, ImageDraw

from .colours import Colour
from .fonts import Font


class Letter(NamedTuple):
    """One drawn character: centre (x, y) and font size in px of the canvas, and the number of its line."""

    character: str
    x: float
    y: float
    size: float
    line: int


class Line(NamedTuple):
    """Text and, per character, the index of its letter in the order of drawing; -1 where there is none (a space)."""

    text: str
    letters: list[int]


class Canvas:
    """A picture under the pen. `image` is RGB; `letters` grow with every `text`."""

    def __init__(self, width: int, height: int, paper: Colour):
        self.image = Image.new("RGB", (width, height), paper)
        self.pen = ImageDraw.Draw(self.image)
        self.paper = paper
        self.letters: list[Letter] = []
        self.lines = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.image.size

    def text(self, x: float, y: float, text: str, font: Font, ink: Colour) -> Line:
        """Draw `text` with its baseline starting at (x, y), as a line of its own."""
        font.draw(self.image, x, y, text, ink)
        letters, left = [], x
        for character, advance in zip(text, font.advances(text), strict=True):
            if character == " ":
                letters.append(-1)
            else:
                letters.append(len(self.letters))
                middle = y - 0.33 * font.size
                self.letters.append(Letter(character, left + advance / 2, middle, font.size, self.lines))
            left += advance
        self.lines += 1
        return Line(text, letters)

    def same_line(self) -> None:
        """What is drawn next stands on the same line as what was drawn last (the value beside a key)."""
        self.lines -= 1


def join(lines: list[Line], by: str = "\n") -> Line:
    """One text of several; a character without a letter points at the next one that has one."""
    text, letters = "", []
    for i, line in enumerate(lines):
        if i:
            text += by
            letters += [-1] * len(by)
        text += line.text
        letters += line.letters
    following = -1
    for i in reversed(range(len(letters))):
        if letters[i] >= 0:
            following = letters[i]
        letters[i] = following
    return Line(text, letters)


def unseen(text: str) -> Line:
    """A text that stands nowhere on the canvas (an answer in the model's own words)."""
    return Line(text, [-1] * len(text))
