"""Drawn scenes without text: a sky, a ground, things between them, and questions about what is there."""

from .. import prompts
from ..geometry import Layout, source_size
from .canvas import Canvas, unseen
from .colours import near
from .shapes import WEAR, a, sentence
from .sheet import Drawn
from .things import DRAW, THINGS, Brush
from .values import FIELDS

_SKIES = {"blue": (110, 175, 240), "gray": (165, 170, 178), "night": (18, 24, 62), "orange": (250, 170, 95)}
_GROUNDS = {
    **{"grass": (80, 160, 70), "sand": (230, 205, 140), "snow": (240, 244, 250)},
    **{"water": (45, 110, 190), "a road": (95, 95, 100)},
}
_ON_WATER = ("boat", "mountain", "cloud")


def scene_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """A sky, one to three kinds of things and a question (`held` changes nothing: there is no text)."""
    canvas = Canvas(*source_size(rng, layout), (0, 0, 0))
    sky, ground = rng.choice(list(_SKIES)), rng.choice(list(_GROUNDS))
    light = _sky(canvas, rng, sky)
    fitting = [thing for thing in THINGS if _fits(thing, ground)]
    things = rng.sample(fitting, min(len(fitting), rng.choice([1, 1, 2, 2, 3])))
    counts = _place(canvas, rng, things, ground)
    question, answer = _asked(rng, counts, (sky, ground, light))
    return Drawn([canvas], question, unseen(answer), wear=WEAR)


def _fits(thing: str, ground: str) -> bool:
    if ground == "water":
        return thing in _ON_WATER
    return thing != "boat" and not (thing == "car" and ground == "snow")


def _sky(canvas: Canvas, rng, sky: str) -> str | None:
    """The sky, with sun or moon; returns which light there is."""
    width, height = canvas.size
    canvas.paper = near(rng, _SKIES[sky])
    canvas.pen.rectangle((0, 0, width, height), fill=canvas.paper)
    light = ("moon" if sky == "night" else "sun") if rng.random() < 0.5 else None
    if light:
        size = min(width, height) * rng.uniform(0.06, 0.1)
        brush = Brush(canvas.pen, rng, (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.2) * height, size))
        brush.blob(0, 0, 1, (245, 245, 225) if light == "moon" else (255, 225, 70))
        if light == "moon":
            brush.blob(0.45, 0.15, 0.85, canvas.paper)
    return light


def _place(canvas: Canvas, rng, things: list[str], ground: str) -> dict[str, int]:
    """Draw the things, far ones first; returns how many of each."""
    width, height = canvas.size
    least, horizon = min(canvas.size), int(height * rng.uniform(0.5, 0.7))
    slots = [(i + 0.5 + rng.uniform(-0.1, 0.1)) / len(things) * width for i in range(len(things))]
    rng.shuffle(slots)
    counts, near_by = {}, []
    for thing, x in zip(things, slots, strict=True):
        many = thing not in ("mountain", "house", "boat", "fence") and rng.random() < 0.3
        counts[thing] = 2 if many else 1
        for i in range(counts[thing]):
            size = least * (rng.uniform(0.25, 0.4) if thing == "mountain" else rng.uniform(0.2, 0.3))
            offset = (i - (counts[thing] - 1) / 2) * size * 1.3
            y = horizon + (height - horizon) * rng.uniform(0.15, 0.5)
            y = horizon + 2 if thing == "mountain" else height * rng.uniform(0.12, 0.22) if thing == "cloud" else y
            near_by.append((thing, (x + offset, y, size)))
    for thing, place in near_by:
        if thing == "mountain":
            DRAW[thing](Brush(canvas.pen, rng, place))
    canvas.pen.rectangle((0, horizon, width, height), fill=near(rng, _GROUNDS[ground]))
    for thing, place in near_by:
        if thing != "mountain":
            DRAW[thing](Brush(canvas.pen, rng, place))
    return counts


def _caption(counts: dict[str, int], sky: str, ground: str) -> str:
    named = [a(thing) if counts[thing] == 1 else f"two {thing}s" for thing in THINGS if thing in counts]
    listed = named[0] if len(named) == 1 else ", ".join(named[:-1]) + " and " + named[-1]
    between = "over" if set(counts) <= {"cloud", "mountain"} else "on"
    return sentence(f"{listed} {between} {ground} under {a(sky)} sky")


def _asked(rng, counts: dict[str, int], backdrop: tuple[str, str, str | None]) -> tuple[str, str]:
    sky, ground, light = backdrop
    thing = rng.choice(list(counts))
    asked = rng.choice([*THINGS, *[thing] * 6])
    colour = "Dark blue." if sky == "night" else sentence(sky)
    questions = [
        (40, rng.choice(prompts.DESCRIBE), _caption(counts, sky, ground)),
        (14, rng.choice(prompts.READ), prompts.NO_TEXT),
        (4, rng.choice(prompts.ANY_TEXT), prompts.NO),
        (15, f"Is there {a(asked)}?", prompts.YES if asked in counts else prompts.NO),
        (10, rng.choice([f"How many {thing}s?", f"How many {thing}s are there?"]), str(counts[thing])),
        (5, rng.choice(["What color is the sky?", "What colour is the sky?"]), colour),
        (5, rng.choice(["Is there a sun?", "Is the sun visible?"]), prompts.YES if light == "sun" else prompts.NO),
        (5, f"What is the {rng.choice(FIELDS).lower()}?", prompts.NOT_FOUND),
    ]
    _, question, answer = rng.choices(questions, [weight for weight, _, _ in questions])[0]
    return question, answer
