"""Forms and receipts: keys beside values, and questions about them, some of which the page does not answer."""

import json
from dataclasses import dataclass

from .. import prompts
from ..geometry import Layout
from . import words
from .canvas import Line, join, unseen
from .sheet import Drawn, Sheet
from .values import FIELDS, GOODS, SHOPS, TITLES, value_for


@dataclass
class Row:
    """One drawn row: its key, its value and the whole line."""

    key: str
    value: Line
    line: Line


def form_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """Up to seven named fields under a title."""
    sheet, size, step, count = _measured(rng, layout, held)
    title = rng.choice(TITLES) if count >= 3 and rng.random() < 0.4 else None
    keys = rng.sample(FIELDS, max(1, min(rng.randrange(2, 8), count - bool(title))))
    if rng.random() < 0.25:
        keys[rng.randrange(len(keys))] = words.word(rng, held, plain=True).capitalize()
    pairs = [(key, value_for(rng, key, held)) for key in keys]
    separator = rng.choice([": ", ": ", ": ", ":  ", "  ", " - "])
    lines, rows = _draw(sheet, (size, step), title, pairs, (separator, rng.random() < 0.2))
    return _asked(sheet, lines, rows) if rows else form_page(rng, layout, held)


def receipt_page(rng, layout: Layout, held: bool = False) -> Drawn:
    """A shop's name, goods with prices, a total."""
    sheet, size, step, count = _measured(rng, layout, held)
    title = None
    if count >= 3 and rng.random() < 0.8:
        title = f"{words.word(rng, held, plain=True).capitalize()} {rng.choice(SHOPS)}"
        count -= 1
    pairs = [("Date", words.date(rng))] if count >= 4 and rng.random() < 0.5 else []
    goods = rng.sample(GOODS, max(1, min(rng.randrange(1, 5), count - 1 - len(pairs))))
    pairs += [(item, words.money(rng, 40)) for item in goods]
    if count - len(pairs) >= 3 and rng.random() < 0.6:
        pairs += [("Subtotal", words.money(rng)), ("Tax", words.money(rng, 20))]
    if count > len(pairs):
        pairs.append(("Total", words.money(rng)))
    separator = rng.choice(["  ", ": ", " "])
    lines, rows = _draw(sheet, (size, step), title, pairs, (separator, rng.random() < 0.7))
    return _asked(sheet, lines, rows, title) if rows else receipt_page(rng, layout, held)


def _measured(rng, layout: Layout, held: bool) -> tuple[Sheet, int, float, int]:
    """A sheet, the size of its text, the step from line to line and how many lines fit."""
    sheet = Sheet.blank(rng, layout, held)
    if rng.random() < 0.15:
        sheet.clutter()
    size = sheet.any_px(19, 27)
    step = size * rng.uniform(1.15, 1.7)
    return sheet, size, step, max(1, int((sheet.canvas.size[1] - 0.3 * size) / step))


def _draw(sheet: Sheet, sizes, title: str | None, pairs, style) -> tuple[list[Line], list[Row]]:
    """Draw title and rows; `style` is the separator and whether values stand at the right margin."""
    (size, step), (separator, right) = sizes, style
    rng, canvas = sheet.rng, sheet.canvas
    lines, rows, y = [], [], size * 1.1 + rng.uniform(0, max(0, canvas.size[1] - step * (len(pairs) + 1)) * 0.5)
    font = sheet.fitting(title, size, sheet.room) if title else None
    if font:
        x = sheet.margin + rng.choice([0, 0.5, 0.5]) * (sheet.room - font.width(title))
        lines.append(canvas.text(x, y, title, font, sheet.ink))
        y += step
    wide = sheet.font(size)
    column = max(wide.width(key + separator) for key, _ in pairs) if rng.random() < 0.4 else 0
    for key, value in pairs:
        font = sheet.fitting(key + separator + value, size, sheet.room)
        if not font:
            continue
        if y > canvas.size[1] - 0.2 * size:
            break
        left = max(column, font.width(key + separator))
        end = canvas.size[0] - sheet.margin - font.width(value)
        x = end if right else min(sheet.margin + left, end)
        shown_key = canvas.text(sheet.margin, y, key + separator.rstrip(), font, sheet.ink)
        canvas.same_line()
        shown_value = canvas.text(x, y, value, font, sheet.ink)
        lines.append(join([shown_key, shown_value], by=" "))
        rows.append(Row(key, shown_value, lines[-1]))
        y += step
    return lines, rows


def _asked(sheet: Sheet, lines: list[Line], rows: list[Row], shop: str | None = None) -> Drawn:
    """One question about the page: mostly for a value."""
    rng, frames, kind = sheet.rng, [sheet.canvas], sheet.rng.random()
    if kind < 0.14:
        return Drawn(frames, rng.choice(prompts.READ), join(lines))
    if kind < 0.28:
        shown = " ".join(line.text for line in lines).lower()
        missing = rng.choice([key for key in FIELDS + GOODS * (shop is not None) if key.lower() not in shown])
        return Drawn(frames, _question(rng, missing), unseen(prompts.NOT_FOUND))
    if kind < 0.36:
        return Drawn(frames, *_yes_or_no(rng, lines, rows))
    if kind < 0.42 and len(rows) <= 5 and '"' not in "".join(row.line.text for row in rows):
        return Drawn(frames, rng.choice(prompts.FIELDS), _as_json(rows))
    if kind < 0.45:
        word = "receipt" if shop else "form"
        return Drawn(frames, rng.choice(prompts.DESCRIBE), unseen(f"A {word} with {len(rows)} fields."))
    if kind < 0.5 and shop and lines[0].text == shop:
        return Drawn(frames, rng.choice(["What is the name of the store?", "What is the store name?"]), join(lines[:1]))
    row = rng.choice(rows)
    return Drawn(frames, _question(rng, row.key), join([row.value]))


def _question(rng, key: str) -> str:
    """A question for the value of `key`, as people put it."""
    name = key if key == "ID" or rng.random() < 0.2 else key.lower()
    if key in GOODS:
        return rng.choice(
            [f"How much is the {name}?", f"What is the price of the {name}?", f"How much does the {name} cost?"]
        )
    if key == "Total" and rng.random() < 0.4:
        return rng.choice(["How much is the total?", "What is the total amount?", "What was the total?"])
    usual = f"What is the {name}?"
    return rng.choice(
        [*[usual] * 5, usual[:-1], f"{key}?", f"Find the {name}.", f"Give the {name}.", f"What does it say for {name}?"]
    )


def _yes_or_no(rng, lines: list[Line], rows: list[Row]) -> tuple[str, Line]:
    row, shown = rng.choice(rows), " ".join(line.text for line in lines).lower()
    true = rng.random() < 0.5
    if rng.random() < 0.5:
        key = row.key if true else rng.choice([key for key in FIELDS if key.lower() not in shown])
        question = f"Is there {'an' if key[0] in 'AEIOU' else 'a'} {key if key == 'ID' else key.lower()}?"
    else:
        value = row.value.text if true else value_for(rng, "Price" if row.key in GOODS else row.key, False)
        true = value == row.value.text
        question = f"Is the {row.key if row.key == 'ID' else row.key.lower()} {value}?"
    return question, unseen(prompts.YES if true else prompts.NO)


def _as_json(rows: list[Row]) -> Line:
    """`{"Key": "value", …}`; every character of a value points at its letter."""
    parts = []
    for i, row in enumerate(rows):
        parts += [unseen(f'{", " if i else "{"}{json.dumps(row.key)}: "'), row.value, unseen('"')]
    return join([*parts, unseen("}")], by="")
