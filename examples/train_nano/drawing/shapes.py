"""Coloured shapes on a plain ground: colour, kind, number, description."""

import math
from typing import NamedTuple

from .. import prompts
from ..geometry import Layout, source_size
from .canvas import Canvas, Line, sentence, shown, unseen
from .colours import COLOURS, Colour, named
from .sheet import Drawn
from .values import FIELDS

SHAPES = ("circle", "square", "triangle", "rectangle", "star")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
_ALIKE = {("white", "yellow"), ("yellow", "white"), ("red", "brown"), ("brown", "red"), ("cyan", "white")}
WEAR = 0.4  # colours are what is asked for: they are worn less than print


def a(thing: str) -> str:
    """`thing` with its article."""
    return ("an " if thing[0] in "aeiou" else "a ") + thing


def contrasting(rng, ground: str) -> str:
    """A colour's name that can be told from the ground's."""
    return rng.choice([name for name in COLOURS if name != ground and (ground, name) not in _ALIKE])


def draw_shape(canvas: Canvas, kind: str, centre: tuple[float, float], radius: float, fill: Colour) -> int:
    """Draw one shape of about `radius` px around `centre`; returns the index that points at it."""
    (x, y), pen, near = centre, canvas.pen, 0.4 * radius
    for across, down in ((near, 0), (-near, 0), (0, near), (0, -near)):  # every shape has these points inside
        canvas.place(kind, x + across, y + down, 2 * radius)
    if kind == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    elif kind == "square":
        pen.rectangle((x - radius * 0.9, y - radius * 0.9, x + radius * 0.9, y + radius * 0.9), fill=fill)
    elif kind == "rectangle":
        pen.rectangle((x - radius * 1.3, y - radius * 0.6, x + radius * 1.3, y + radius * 0.6), fill=fill)
    elif kind == "triangle":
        pen.polygon([(x, y - radius), (x + radius, y + radius * 0.8), (x - radius, y + radius * 0.8)], fill=fill)
    else:
        radii = (radius, radius * 0.42)
        points = ((radii[i % 2], math.pi * i / 5) for i in range(10))
        pen.polygon([(x + r * math.sin(turn), y - r * math.cos(turn)) for r, turn in points], fill=fill)
    return canvas.place(kind, x, y, 2 * radius)


def ground_name(rng) -> str:
    """The colour of the ground: white more often than not."""
    return rng.choice(["white", "white", "white", "black", "gray", rng.choice(list(COLOURS))])


class Shape(NamedTuple):
    """A drawn shape: kind, name of its colour, the index that points at it."""

    kind: str
    colour: str
    letter: int

    def called(self, text: str) -> Line:
        """Words for it."""
        return shown(text, self.letter)


def shape_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """One to six shapes and a question about them (`held` changes nothing: there is no text)."""
    width, height = source_size(rng, layout)
    ground = ground_name(rng)
    canvas = Canvas(width, height, named(rng, ground))
    count = rng.choice([1, 1, 1, 1, 2, 2, 3, 4, 5, 6])
    kinds = rng.sample(SHAPES, min(count, rng.choice([1, 2, 2, 3])))
    rows, cols = _raster(count, width, height)
    cells = rng.sample([(row, col) for row in range(rows) for col in range(cols)], count)
    shapes = []
    for i, (row, col) in enumerate(cells):
        kind, colour = kinds[i] if i < len(kinds) else rng.choice(kinds), contrasting(rng, ground)
        cell_w, cell_h = width / cols, height / rows
        radius = min(cell_w / 1.35, cell_h) * rng.uniform(0.2, 0.36)
        free_x, free_y = max(0, cell_w / 2 - 1.35 * radius), max(0, cell_h / 2 - 1.1 * radius)
        x = (col + 0.5) * cell_w + rng.uniform(-free_x, free_x)
        y = (row + 0.5) * cell_h + rng.uniform(-free_y, free_y)
        shapes.append(Shape(kind, colour, draw_shape(canvas, kind, (x, y), radius, named(rng, colour))))
    bare = canvas.place("", 4, 4, 30)  # a corner that no shape reaches
    return Drawn([canvas], *_asked(rng, shapes, shown(ground, bare)), wear=WEAR)


def _raster(count: int, width: int, height: int) -> tuple[int, int]:
    if count == 1:
        return 1, 1
    if max(width, height) > 1.8 * min(width, height):
        return (1, 6) if width > height else (6, 1)
    return (2, 3) if width >= height else (3, 2)


def describe(shapes: list[Shape], ground: Line) -> Line:
    """The caption: one or two shapes by colour and kind, more by number."""
    things: list[Line] = []
    if len(shapes) <= 2:
        for shape in sorted(shapes, key=lambda shape: (SHAPES.index(shape.kind), shape.colour)):
            things += [unseen(" and ")] * bool(things) + [shape.called(a(f"{shape.colour} {shape.kind}"))]
    else:
        things = [unseen(f"{_NUMBERS[len(shapes)]} shapes")]
    article = a(ground.text).removesuffix(ground.text)
    return sentence(*things, unseen(f" on {article}"), ground, unseen(" background"))


def _asked(rng, shapes: list[Shape], ground: Line) -> tuple[str, Line]:
    counts = {kind: sum(shape.kind == kind for shape in shapes) for kind in SHAPES}
    single = [shape for shape in shapes if counts[shape.kind] == 1]
    kind = rng.choice(shapes).kind
    asked = rng.choice([*SHAPES, kind, kind, kind, kind])
    spelling = rng.choice(["color", "color", "colour"])
    questions = [
        (30, rng.choice(prompts.DESCRIBE), describe(shapes, ground)),
        (16, rng.choice([f"How many {asked}s?", f"How many {asked}s are there?"]), unseen(str(counts[asked]))),
        (8, rng.choice(["How many shapes?", "How many shapes are there?"]), unseen(str(len(shapes)))),
        (
            10,
            rng.choice([f"What {spelling} is the background?", f"What is the background {spelling}?"]),
            sentence(ground),
        ),
        (8, f"Is there {a(asked)}?", unseen(prompts.YES if counts[asked] else prompts.NO)),
        (6, rng.choice(prompts.READ), unseen(prompts.NO_TEXT)),
        (2, rng.choice(prompts.ANY_TEXT), unseen(prompts.NO)),
        (2, f"What is the {rng.choice(FIELDS).lower()}?", unseen(prompts.NOT_FOUND)),
    ]
    if single:
        shape = rng.choice(single)
        questions.append((18, f"What {spelling} is the {shape.kind}?", sentence(shape.called(shape.colour))))
    if len(shapes) == 1:
        question = rng.choice(["What shape is it?", "What shape is this?", "Which shape is shown?"])
        questions.append((8, question, sentence(shapes[0].called(a(shapes[0].kind)))))
    _, question, answer = rng.choices(questions, [weight for weight, _, _ in questions])[0]
    return question, answer
