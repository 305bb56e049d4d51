"""Coloured shapes on a plain ground: colour, kind, number, description."""

import math

from .. import prompts
from ..geometry import Layout, source_size
from .canvas import Canvas, unseen
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


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    return text[0].upper() + text[1:] + "."


def contrasting(rng, ground: str) -> str:
    """A colour's name that can be told from the ground's."""
    return rng.choice([name for name in COLOURS if name != ground and (ground, name) not in _ALIKE])


def draw_shape(pen, kind: str, centre: tuple[float, float], radius: float, fill: Colour) -> None:
    """Draw one shape of about `radius` px around `centre`."""
    x, y = centre
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


def ground_name(rng) -> str:
    """The colour of the ground: white more often than not."""
    return rng.choice(["white", "white", "white", "black", "gray", rng.choice(list(COLOURS))])


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
        draw_shape(canvas.pen, kind, (x, y), radius, named(rng, colour))
        shapes.append((kind, colour))
    question, answer = _asked(rng, shapes, ground)
    return Drawn([canvas], question, unseen(answer), wear=WEAR)


def _raster(count: int, width: int, height: int) -> tuple[int, int]:
    if count == 1:
        return 1, 1
    if max(width, height) > 1.8 * min(width, height):
        return (1, 6) if width > height else (6, 1)
    return (2, 3) if width >= height else (3, 2)


def describe(shapes: list[tuple[str, str]], ground: str) -> str:
    """The caption: one or two shapes by colour and kind, more by number."""
    if len(shapes) <= 2:
        ordered = sorted(shapes, key=lambda shape: (SHAPES.index(shape[0]), shape[1]))
        things = " and ".join(a(f"{colour} {kind}") for kind, colour in ordered)
    else:
        things = f"{_NUMBERS[len(shapes)]} shapes"
    return sentence(f"{things} on {a(ground)} background")


def _asked(rng, shapes: list[tuple[str, str]], ground: str) -> tuple[str, str]:
    counts = {kind: sum(shape == kind for shape, _ in shapes) for kind in SHAPES}
    single = [(kind, colour) for kind, colour in shapes if counts[kind] == 1]
    kind, colour = rng.choice(shapes)
    asked = rng.choice([*SHAPES, kind, kind, kind, kind])
    spelling = rng.choice(["color", "color", "colour"])
    questions = [
        (30, rng.choice(prompts.DESCRIBE), describe(shapes, ground)),
        (16, rng.choice([f"How many {asked}s?", f"How many {asked}s are there?"]), str(counts[asked])),
        (8, rng.choice(["How many shapes?", "How many shapes are there?"]), str(len(shapes))),
        (
            10,
            rng.choice([f"What {spelling} is the background?", f"What is the background {spelling}?"]),
            sentence(ground),
        ),
        (8, f"Is there {a(asked)}?", prompts.YES if counts[asked] else prompts.NO),
        (6, rng.choice(prompts.READ), prompts.NO_TEXT),
        (2, rng.choice(prompts.ANY_TEXT), prompts.NO),
        (2, f"What is the {rng.choice(FIELDS).lower()}?", prompts.NOT_FOUND),
    ]
    if single:
        kind, colour = rng.choice(single)
        questions.append((18, f"What {spelling} is the {kind}?", sentence(colour)))
    if len(shapes) == 1:
        question = rng.choice(["What shape is it?", "What shape is this?", "Which shape is shown?"])
        questions.append((8, question, sentence(a(shapes[0][0]))))
    _, question, answer = rng.choices(questions, [weight for weight, _, _ in questions])[0]
    return question, answer
