"""The answers to the questions of a schema go in; one object that follows it comes out, and what is odd about it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smolcli.extraction import values
from smolcli.extraction.ask import NOTHING, Ask, asks
from smolcli.extraction.repair import closed
from smolcli.extraction.schema import tree


@dataclass(frozen=True, slots=True)
class Collected:
    """data: every property of the schema, null where nothing was found. warnings: sentences."""

    data: Mapping[str, Any]
    warnings: tuple[str, ...]


def collect(schema: str, answers: Sequence[tuple[str, bool]]) -> Collected:
    """answers: to each of the schema's questions its text, and whether it was cut. Raises SchemaError."""
    data, warnings = _empty(tree(schema)), []
    for ask, (text, cut) in zip(asks(schema), answers, strict=True):
        value, note = _value(ask, text, cut)
        if note:
            warnings.append(f"{ask.name}: {note}")
        target = data
        for name in ask.path[:-1]:
            target = target[name]
        target[ask.path[-1]] = value
    return Collected(data, tuple(warnings))


def _empty(node: Mapping[str, Any]) -> dict[str, Any]:
    """The object with null in every place."""
    return {name: _empty(each) if each.get("type") == "object" else None for name, each in node["properties"].items()}


def _value(ask: Ask, text: str, cut: bool) -> tuple[Any, str]:
    """A value that follows its schema, or None; and what is odd about it."""
    if text == NOTHING and NOTHING not in ask.schema.get("enum", ()):
        return None, ""
    if ask.kind != "choice" and values.is_nothing(text):
        return None, ""
    value, note = _READ[ask.kind](ask, text), "the answer was cut." if cut else ""
    if value is None:
        return None, note or f"{_short(text)} is no {_KINDS.get(ask.kind, ask.kind)}."
    whole = fitted(value, ask.schema)
    if whole is None or (cut and ask.kind == "pattern"):
        return None, note or f"{_short(text)} is not what the schema allows."
    return whole, note or ("" if whole == value else "what the schema does not allow was left out.")


def _chosen(ask: Ask, text: str) -> Any:
    if ask.schema.get("type") == "boolean":
        return text == "yes"
    return next((each for each in ask.schema["enum"] if text in (each, json.dumps(each))), None)


def _as_printed(read: Callable[[str], Any]) -> Callable[[Ask, str], Any]:
    return lambda _, text: read(text)


_READ: Mapping[str, Callable[[Ask, str], Any]] = {
    "text": lambda _, text: text,
    "pattern": lambda _, text: text,
    "number": lambda _, text: values.number(text),
    **{name: _as_printed(read) for name, read in values.READ_AS.items()},
    "json": lambda _, text: closed(text),
    "choice": _chosen,
}
_KINDS = {"json": "JSON"}


def fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value as the schema allows it, with null for parts of it that it does not; None where nothing is left."""
    if "anyOf" in schema:
        return next((found for part in schema["anyOf"] if (found := fitted(value, part)) is not None), None)
    if "enum" in schema:
        return next((each for each in schema["enum"] if each == value and type(each) is type(value)), None)
    return _FITTED[schema["type"]](value, schema)


def _object(value: Any, schema: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return None
    return {name: fitted(value.get(name), each) for name, each in schema["properties"].items()}


def _list(value: Any, schema: Mapping[str, Any]) -> Any:
    """What of a list is allowed: an item that is not says nothing, and has no place in it."""
    if not isinstance(value, list):
        return None
    whole = [found for each in value if (found := fitted(each, schema["items"])) is not None]
    if schema.get("uniqueItems"):
        whole = [each for number, each in enumerate(whole) if each not in whole[:number]]
    return whole[: schema.get("maxItems")] if len(whole) >= schema.get("minItems", 0) else None


def _is_number(value: Any, schema: Mapping[str, Any]) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return False
    if schema["type"] == "integer" and value != int(value):
        return False
    step = schema.get("multipleOf")
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
        and value < schema.get("exclusiveMaximum", value + 1)
        and (step is None or abs(value / step - round(value / step)) < 1e-9)
    )


def _is_text(value: Any, schema: Mapping[str, Any]) -> bool:
    if not isinstance(value, str) or not schema.get("minLength", 0) <= len(value) <= schema.get(
        "maxLength", len(value)
    ):
        return False
    return schema.get("format") not in values.FORMATS or values.FORMATS[schema["format"]](value)


def _scalar(holds: Callable[[Any, Mapping[str, Any]], bool]) -> Callable[[Any, Mapping[str, Any]], Any]:
    return lambda value, schema: value if holds(value, schema) else None


_FITTED: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "object": _object,
    "array": _list,
    "string": _scalar(_is_text),
    "number": _scalar(_is_number),
    "integer": lambda value, schema: int(value) if _is_number(value, schema) else None,
    "boolean": _scalar(lambda value, _: isinstance(value, bool)),
}


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
