"""Values that were found and a page's own text go in; the names of those that the text does not hold come out.

A number of which only the marks were misread ("$8,617.97" as "$8.61797") is that of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from smolcli.extraction import values
from smolcli.extraction.collect import fitted
from smolcli.extraction.schema import tree

_PRINTED = re.compile(r"\d(?:[\d.,'\u00a0\u202f]*\d)?")
LEAST_DIGITS = 4  # of a number that is taken for another one with the same digits


def missing(schema: str, data: Any, page: str) -> tuple[str, ...]:
    """Sentences about values that are not on the page: of numbers and dates any way to print them will do.

    What is one of a few words of the schema, or yes or no, need not stand there.
    """
    text = _plain(page)
    known = frozenset((*values.numbers(page), *values.days(page), *values.clocks(page)))
    return tuple(
        f"{name}: {value!r} is not in the page's own text."
        for name, value in _values(tree(schema), data, "")
        if not _is_there(value, text, known)
    )


def as_printed(schema: str, data: Any, page: str) -> Any:
    """The values, with numbers whose digits stand on the page once, otherwise parted, as they are there."""
    printed: dict[str, set[Any]] = {}
    for found in _PRINTED.finditer(page):
        printed.setdefault(_digits(found[0]), set()).add(values.number(found[0]))
    return _corrected(tree(schema), data, printed)


def _corrected(schema: Mapping[str, Any], value: Any, printed: Mapping[str, set[Any]]) -> Any:
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {key: _corrected(inner.get(key, {}), each, printed) for key, each in value.items()}
    if isinstance(value, list):
        return [_corrected(schema.get("items", {}), each, printed) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or "enum" in schema:
        return value
    digits = _digits(repr(value))
    same = printed.get(digits, set()) | (printed.get(f"{digits}0", set()) if isinstance(value, float) else set())
    if len(digits) < LEAST_DIGITS or len(same) != 1 or {value, -value} & same:
        return value
    (there,) = same
    fits = fitted(there, schema) if schema.get("type") in ("number", "integer") and there is not None else None
    return value if fits is None else fits


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _values(schema: Mapping[str, Any], value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every text and number, with its name."""
    if "enum" in schema or value is None or isinstance(value, bool):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key, {})
            yield from _values(inner, each, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _values(schema.get("items", {}), each, f"{name}[{number}]")
    else:
        yield name, value


def _is_there(value: Any, text: str, known: frozenset[Any]) -> bool:
    """known: the numbers of the page; its dates and times, as ISO 8601 writes them."""
    if isinstance(value, int | float):
        return value in known or -value in known
    if _plain(value) in text:
        return True
    when, of_day = values.day(value), values.clock(value)
    return (when or of_day) is not None and {when, of_day} - {None} <= known


def _plain(text: str) -> str:
    """Without what may differ between a page and what is read of it: case and space."""
    return "".join(text.split()).casefold()
