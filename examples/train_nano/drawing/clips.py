"""Short clips: a shape that moves, grows or changes its colour; text that stays or turns into other text."""

from .. import prompts
from ..geometry import UNSPLIT
from . import words
from .canvas import Canvas, Line, join, unseen
from .colours import named
from .shapes import SHAPES, a, contrasting, draw_shape, ground_name, sentence
from .sheet import Drawn, Sheet

_SIZES = ((256, 256), (320, 240), (640, 480), (640, 360), (480, 270), (240, 320))
_MOVES = {
    "right": "moves from left to right",
    "left": "moves from right to left",
    "down": "moves from top to bottom",
    "up": "moves from bottom to top",
    "grow": "grows",
    "shrink": "shrinks",
    "still": "stays still",
}


def clip(rng, frames: int, held: bool = False) -> Drawn:
    """A clip of `frames` frames and a question about it."""
    if rng.random() < 0.55:
        return _turning(rng, frames) if frames > 1 and rng.random() < 0.15 else _moving(rng, frames)
    return _written(rng, frames, held)


def _frame(rng, ground: str, size: tuple[int, int]) -> Canvas:
    return Canvas(*size, named(rng, ground))


def _moving(rng, frames: int) -> Drawn:
    """One shape and what it does; a single frame can only stand still."""
    size, ground, kind = rng.choice(_SIZES), ground_name(rng), rng.choice(SHAPES)
    move = rng.choice(list(_MOVES)) if frames > 1 else "still"
    colour = contrasting(rng, ground)
    fill, paper = named(rng, colour), named(rng, ground)
    least, across, along = min(size), rng.uniform(0.3, 0.7), rng.uniform(0.55, 0.7)
    radius = least * rng.uniform(0.1, 0.17)
    canvases = []
    for i in range(frames):
        done = i / max(1, frames - 1)
        path = 0.5 + along * (done - 0.5) * (-1 if move in ("left", "up") else 1)
        x, y = {"right": (path, across), "left": (path, across), "down": (across, path), "up": (across, path)}.get(
            move, (across, across)
        )
        grown = {"grow": 0.5 + 1.7 * done, "shrink": 2.2 - 1.7 * done}.get(move, 1)
        canvas = Canvas(*size, paper)
        draw_shape(canvas.pen, kind, (x * size[0], y * size[1]), radius * grown, fill)
        canvases.append(canvas)
    shape = a(f"{colour} {kind}")
    return Drawn(canvases, *_asked(rng, shape, _MOVES[move], (colour, kind)), wear=0.3)


def _turning(rng, frames: int) -> Drawn:
    """A shape that turns into another colour."""
    size, ground, kind = rng.choice(_SIZES), ground_name(rng), rng.choice(SHAPES)
    before = contrasting(rng, ground)
    after = next(name for name in iter(lambda: contrasting(rng, ground), None) if name != before)
    paper, cut = named(rng, ground), rng.randrange(1, frames)
    fills = named(rng, before), named(rng, after)
    place = size[0] * rng.uniform(0.35, 0.65), size[1] * rng.uniform(0.35, 0.65)
    radius, canvases = min(size) * rng.uniform(0.12, 0.25), []
    for i in range(frames):
        canvas = Canvas(*size, paper)
        draw_shape(canvas.pen, kind, place, radius, fills[i >= cut])
        canvases.append(canvas)
    return Drawn(canvases, *_asked(rng, a(f"{before} {kind}"), f"turns {after}", (before, kind)), wear=0.3)


def _asked(rng, shape: str, happens: str, known: tuple[str, str]) -> tuple[str, Line]:
    colour, kind = known
    questions = [
        (70, rng.choice(prompts.DESCRIBE_CLIP), sentence(f"{shape} {happens}")),
        (8, f"What does the {kind} do?", sentence(f"it {happens}")),
        (6, "Which shape is shown?", sentence(a(kind))),
        (8, "What does it say?", prompts.NO_TEXT),
    ]
    if not happens.startswith("turns"):
        questions.append((8, f"What color is the {kind}?", sentence(colour)))
    _, question, answer = rng.choices(questions, [weight for weight, _, _ in questions])[0]
    return question, unseen(answer)


def _written(rng, frames: int, held: bool) -> Drawn:
    """One text throughout, or a second one after a cut."""
    sheet = Sheet.blank(rng, UNSPLIT, held, rng.choice(_SIZES))
    texts = [
        " ".join(words.phrase(rng, rng.choice([1, 1, 2]), held)) for _ in range(rng.choice([1, 2]) if frames > 1 else 1)
    ]
    size = sheet.any_px(20, 44)
    fonts = [sheet.fitting(text, size, sheet.room) for text in texts]
    if None in fonts:
        return _written(rng, frames, held)
    cut = rng.randrange(1, frames) if len(texts) == 2 else frames
    steady = rng.random() < 0.6
    place = rng.random(), rng.uniform(0.3, 0.75)
    canvases, lines, drawn = [], [], 0
    for i in range(frames):
        canvas = Canvas(*sheet.canvas.size, sheet.canvas.paper)
        text, font = texts[i >= cut], fonts[i >= cut]
        share, y = place if steady else (rng.random(), rng.uniform(0.3, 0.75))
        x = sheet.margin + share * (sheet.room - font.width(text))
        line = canvas.text(x, y * canvas.size[1], text, font, sheet.ink)
        if i in (0, cut):
            lines.append(Line(text, [at + drawn if at >= 0 else -1 for at in line.letters]))
        drawn += len(canvas.letters)
        canvases.append(canvas)
    if len(lines) == 2 and rng.random() < 0.25:
        parts = [unseen('The text turns from "'), lines[0], unseen('" to "'), lines[1], unseen('".')]
        return Drawn(canvases, rng.choice(["What happens?", "What does the text turn to?"]), join(parts, by=""))
    return Drawn(canvases, rng.choice(prompts.READ_CLIP), join(lines))
