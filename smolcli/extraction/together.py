"""Two schemas that both hold for one value go in, one that says as much comes out: `allOf`, and what stands beside
`$ref` or `anyOf`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
_NOTES = frozenset({
    "title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator",
    "$comment", "$schema", "$id", "$anchor", "$defs", "definitions", "$vocabulary",
})  # fmt: skip


class DiffersError(Exception):
    """Two schemas that no value, or none that is understood here, can follow at once: where they differ."""


def constraints(schema: Schema) -> dict[str, Any]:
    """What of a schema has to hold for a value; the rest is told to people."""
    return {key: value for key, value in schema.items() if key not in _NOTES}


def together(one: Schema, other: Schema) -> dict[str, Any]:
    """A schema that holds where both do. Raises DiffersError where none can be written."""
    whole = dict(one)
    for key, value in other.items():
        if key not in whole or key in _NOTES or whole[key] == value:
            whole.setdefault(key, value)
        elif key in _JOINED:
            whole[key] = _JOINED[key](whole[key], value)
        else:
            raise DiffersError(key)
    return whole


def _properties(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        raise DiffersError("properties")
    both = {name: {"allOf": [one[name], other[name]]} for name in one if name in other and one[name] != other[name]}
    return {**one, **other, **both}


def _types(one: Any, other: Any) -> Any:
    ones, others = ([each] if isinstance(each, str) else each for each in (one, other))
    if not isinstance(ones, list) or not isinstance(others, list):
        raise DiffersError("type")
    shared = [each for each in ones if each in others]
    if "integer" not in shared and "number" in [*ones, *others] and "integer" in [*ones, *others]:
        shared.append("integer")  # every whole number is a number
    if not shared:
        raise DiffersError("type")
    return shared


def _values(one: Any, other: Any) -> Any:
    shared = [each for each in one if each in other] if isinstance(one, list) and isinstance(other, list) else []
    if not shared:
        raise DiffersError("enum")
    return shared


def _names(one: Any, other: Any) -> Any:
    return [*one, *other] if isinstance(one, list) and isinstance(other, list) else other


def _stricter(choose: Callable[[Any, Any], Any], key: str) -> Callable[[Any, Any], Any]:
    def chosen(one: Any, other: Any) -> Any:
        if any(not isinstance(each, int | float) or isinstance(each, bool) for each in (one, other)):
            raise DiffersError(key)
        return choose(one, other)

    return chosen


_JOINED: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": _properties,
    "type": _types,
    "enum": _values,
    "required": _names,
    "additionalProperties": lambda one, other: False if False in (one, other) else one,
    **{key: _stricter(max, key) for key in ("minimum", "exclusiveMinimum", "minLength", "minItems")},
    **{key: _stricter(min, key) for key in ("maximum", "exclusiveMaximum", "maxLength", "maxItems")},
}
