"""Little forms with known values, drawn: a title, and keys beside values in print that the built-in model can read."""

from __future__ import annotations

import random
from pathlib import Path

NAMES = ("Anna Weber", "Omar Haddad", "Lin Chen", "Maria Rossi", "John Miller", "Priya Nair")
CITIES = ("Berlin", "Oslo", "Lisbon", "Boston", "Vienna", "Dublin")
KEYS = ("Name", "Date", "Total", "City", "Order", "Phone")


def draw_form(path: Path, seed: int) -> dict[str, str | None]:
    """Write a picture of a form; what it says by its keys in small letters, None for those that it lacks."""
    from PIL import Image, ImageDraw, ImageFont

    rng = random.Random(seed)
    values = {
        "Name": rng.choice(NAMES),
        "Date": f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
        "Total": f"${rng.randrange(1, 900)}.{rng.randrange(100):02d}",
        "City": rng.choice(CITIES),
        "Order": str(rng.randrange(1000, 9999)),
        "Phone": f"555-{rng.randrange(1000, 9999)}",
    }
    shown = rng.sample(KEYS, rng.randrange(2, 5))
    picture = Image.new("RGB", (512, 60 + 48 * len(shown)), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    for row, key in enumerate(shown):
        draw.text((24, 26 + 48 * row), f"{key}: {values[key]}", "black", font)
    picture.save(path)
    return {key.lower(): values[key] if key in shown else None for key in KEYS}
