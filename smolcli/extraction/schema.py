"""A JSON Schema as JSON text goes in, whatever it holds; one that is small, whole and understood comes out, or a
SchemaError.

What comes out is JSON Schema too, and the same goes in again: an object of named properties, of which each is one of

    {"type": "string", minLength, maxLength, pattern, format}      {"enum": [scalars]}
    {"type": "number" | "integer", minimum, maximum, …}            {"type": "boolean"}
    {"type": "array", "items": …, minItems, maxItems, uniqueItems} {"type": "object", "properties": {…}}
    {"anyOf": [several of these]}

each with `title` and `description` where it had them. References are followed within the text and nowhere else. `null`
is allowed for every value and so is written nowhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from smolcli.errors import UsageError
from smolcli.extraction.patterns import translated
from smolcli.extraction.references import referred
from smolcli.extraction.together import DiffersError, constraints, together
from smolcli.extraction.values import FORMATS

MOST_BYTES = 1 << 16
MOST_NODES, MOST_DEEP, MOST_ENUM = 256, 6, 255  # schemas in the schema; within one another; values of an enum
MOST_NAME = 80  # characters

_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_KEPT = {
    "string": ("minLength", "maxLength"),
    "number": _NUMBER,
    "integer": _NUMBER,
    "boolean": (),
    "array": ("minItems", "maxItems"),
    "object": (),
}
_WORDS = ("title", "description")
# What would have to be held against a value and is not: a schema with it would promise too much.
_REFUSED = frozenset({
    "not", "if", "then", "else", "patternProperties", "propertyNames", "dependentSchemas", "dependentRequired",
    "dependencies", "contains", "prefixItems", "unevaluatedProperties", "unevaluatedItems",
    "minProperties", "maxProperties", "minContains", "maxContains", "$dynamicRef", "$recursiveRef",
})  # fmt: skip


class SchemaError(UsageError):
    """A schema that cannot be followed."""

    def __init__(self, message: str, hint: str = 'Write {"type": "object", "properties": {…}}.') -> None:
        super().__init__(message, hint)


def normalized(text: str) -> str:
    """The schema that is followed, as JSON text. Raises SchemaError."""
    return json.dumps(tree(text), ensure_ascii=False, separators=(",", ":"))


@lru_cache(64)
def tree(text: str) -> Mapping[str, Any]:
    """The same as data, not to be changed. Raises SchemaError."""
    if len(text) > MOST_BYTES:
        raise SchemaError(f"The schema has {len(text)} characters.", f"At most {MOST_BYTES} are read.")
    try:
        root = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SchemaError(f"The schema is not JSON: {reason}.") from error
    found = _Reader(root).node(root, "", ())
    if found.get("type") != "object":
        raise SchemaError("The schema is not of an object: nothing says what the fields are called.")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(f"{digits[:20]} is too large: it")


class _Reader:
    """Follows references within one document, and counts."""

    def __init__(self, root: Any) -> None:
        self._root, self._nodes = root, 0

    def node(self, schema: Any, path: str, following: Sequence[str], depth: int = 0) -> dict[str, Any]:
        """One schema of the document. path: of property names; following: references that led here; depth: levels."""
        if depth >= MOST_DEEP:
            raise SchemaError(f"{_at(path)}: the schema is more than {MOST_DEEP} levels deep.", "Make it flatter.")
        schema, following = self._whole({} if schema is True else schema, path, following)
        if refused := sorted(_REFUSED & schema.keys()):
            raise SchemaError(f"{_at(path)}: {refused[0]!r} is not understood.", "Leave it out.")
        words = {key: schema[key] for key in _WORDS if isinstance(schema.get(key), str)}
        return words | self._shape(schema, _Where(path, following, depth))

    def _whole(self, schema: Any, path: str, following: Sequence[str]) -> tuple[dict[str, Any], Sequence[str]]:
        """A schema with what it refers to and all parts of its `allOf` in it, and the references that led there."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise SchemaError(f"The schema has more than {MOST_NODES} parts.", "Ask for less at once.")
        if not isinstance(schema, dict):
            raise SchemaError(f"{_at(path)}: {_short(schema)} is no schema.")
        parts: list[Any] = []
        if (reference := schema.get("$ref")) is not None:
            parts, following = [self._referred(reference, path, following)], (*following, reference)
        if "allOf" in schema:
            if not isinstance(schema["allOf"], list):
                raise SchemaError(f"{_at(path)}: 'allOf' is no list of schemas.")
            parts = [*parts, *schema["allOf"]]
        whole = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        led = following
        for part in parts:
            found, there = self._whole({} if part is True else part, path, following)
            led = (*led, *there)
            try:
                whole = together(whole, found)
            except DiffersError as error:
                what = f"{_at(path)}: {str(error)!r} is said twice, and not the same"
                raise SchemaError(f"{what}.", "Write the parts of 'allOf', and what '$ref' means, as one.") from error
        return whole, led

    def _shape(self, schema: dict[str, Any], where: _Where) -> dict[str, Any]:
        if "const" in schema or "enum" in schema:
            return _enum(schema, where.path)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                beside = {name: value for name, value in constraints(schema).items() if name != key}
                return self._union(_beside(beside, schema[key], where.path), where)
        kinds = [kind for kind in _listed(schema.get("type", _kind_of(schema)), where.path) if kind != "null"]
        if len(kinds) > 1:
            return self._union([{**constraints(schema), "type": kind} for kind in kinds], where)
        return self._typed(kinds[0] if kinds else "null", schema, where)

    def _typed(self, kind: Any, schema: dict[str, Any], where: _Where) -> dict[str, Any]:
        path = where.path
        if not isinstance(kind, str) or kind not in _KEPT:
            raise SchemaError(f"{_at(path)}: {_short(kind)} is no type of a value.", f"Known: {', '.join(_KEPT)}.")
        found = {"type": kind} | {key: _limit(schema[key], key, path) for key in _KEPT[kind] if key in schema}
        if kind == "object":
            return found | {"properties": self._properties(schema, where)}
        if kind == "array":
            found["items"] = self.node(schema.get("items", True), f"{path}[]", where.following, where.depth + 1)
            if schema.get("uniqueItems") is True:
                found["uniqueItems"] = True
        elif kind == "string":
            if schema.get("pattern", "") != "":
                translated(schema["pattern"], _at(path))  # it stays as it was: the same schema may be read again
                found["pattern"] = schema["pattern"]
            if isinstance(schema.get("format"), str) and schema["format"] in FORMATS:
                found["format"] = schema["format"]
        return found

    def _properties(self, schema: dict[str, Any], where: _Where) -> dict[str, Any]:
        """The properties of an object, those among them that it only requires."""
        path, properties = where.path, schema.get("properties", {})
        required = schema.get("required")
        if isinstance(properties, dict):
            wanted = required if isinstance(required, list) else []
            properties = properties | {name: {} for name in wanted if isinstance(name, str) and name not in properties}
        if not isinstance(properties, dict) or not properties:
            raise SchemaError(f"{_at(path)}: an object without properties says nothing of what is looked for.")
        return {
            _name(name, path): self.node(
                each, f"{path}.{name}" if path else name, where.following, where.depth + (len(path) > 0)
            )
            for name, each in properties.items()
        }

    def _union(self, parts: Sequence[Any], where: _Where) -> dict[str, Any]:
        """One of several schemas; those that come to the same are one."""
        found: list[dict[str, Any]] = []
        for part in parts:
            if not _is_null(part):
                each = self.node(part, where.path, where.following, where.depth)
                found += [each] if each not in found else []
        if not found:
            raise SchemaError(f"{_at(where.path)}: nothing but null is allowed.")
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _referred(self, reference: Any, path: str, following: Sequence[str]) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            where = f"{_at(path)}: the schema refers to {_short(reference)}"
            raise SchemaError(f"{where}: nothing is fetched.", 'Write it into the schema, under "$defs".')
        if reference in following or reference in ("#", "#/"):
            raise SchemaError(f"{_at(path)}: the schema {reference!r} refers to itself.", "Write out how deep it goes.")
        try:
            return referred(self._root, reference)
        except LookupError as error:
            where = f"{_at(path)}: the schema refers to {_short(reference)}"
            raise SchemaError(f"{where}, which is not there.", 'Write it under "$defs".') from error


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a schema stands in the document: names of properties, references that led there, levels."""

    path: str
    following: Sequence[str]
    depth: int


def _beside(beside: dict[str, Any], parts: Any, path: str) -> list[Any]:
    """The parts of a choice of schemas, each with what has to hold for all of them."""
    if not isinstance(parts, list) or not parts:
        raise SchemaError(f"{_at(path)}: a choice of several schemas has none.")
    return [part if _is_null(part) or not beside else {"allOf": [part, beside]} for part in parts]


def _is_null(schema: Any) -> bool:
    """Whether a schema allows nothing but null, which is allowed for every value."""
    return isinstance(schema, dict) and (
        schema.get("type") in ("null", ["null"])
        or ("const" in schema and schema["const"] is None)
        or schema.get("enum") == [None]
    )


def _kind_of(schema: dict[str, Any]) -> str:
    """The type that a schema without one means."""
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _listed(kinds: Any, path: str) -> list[Any]:
    if isinstance(kinds, list) and not kinds:
        raise SchemaError(f"{_at(path)}: the list of types is empty.")
    return kinds if isinstance(kinds, list) else [kinds]


def _enum(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """One of some values: those of them that the schema's type allows."""
    values = schema.get("enum", [schema.get("const")])
    if not isinstance(values, list):
        raise SchemaError(f"{_at(path)}: 'enum' is no list.")
    if len(values) > MOST_ENUM:
        raise SchemaError(f"{_at(path)}: 'enum' has {len(values)} values.", f"At most {MOST_ENUM} are read.")
    if "const" in schema:
        values = [value for value in values if value == schema["const"]]
    kinds = _listed(schema.get("type", list(_SCALARS)), path)
    allowed = [value for value in values if value is not None and not _is_of_none(value, kinds)]
    texts = [value if isinstance(value, str) else json.dumps(value) for value in allowed]
    odd = next((text for text in texts if not text or text != text.strip() or not text.isprintable()), None)
    if odd is not None or any(isinstance(value, dict | list) for value in allowed):
        raise SchemaError(f"{_at(path)}: 'enum' holds {_short(odd)}, which nobody can answer with.")
    if not allowed or len(set(texts)) < len(texts):
        raise SchemaError(f"{_at(path)}: 'enum' is empty, or holds a value twice.")
    return {"enum": allowed}


_SCALARS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _is_of_none(value: Any, kinds: Sequence[Any]) -> bool:
    """Whether a scalar is of none of some types."""
    known = [_SCALARS[kind] for kind in kinds if isinstance(kind, str) and kind in _SCALARS]
    return not isinstance(value, dict | list) and not any(holds(value) for holds in known)


def _limit(value: Any, key: str, path: str) -> Any:
    """A limit must be a number, one of a length a whole one."""
    whole = key[:3] in ("min", "max") and key not in _NUMBER
    wanted = isinstance(value, int) and value >= 0 if whole else isinstance(value, int | float)
    if not wanted or isinstance(value, bool) or abs(value) > 1e15 or (key == "multipleOf" and value <= 0):
        raise SchemaError(f"{_at(path)}: {key!r} is {_short(value)}.")
    return value


def _name(name: str, path: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > MOST_NAME:
        raise SchemaError(f"{_at(path)}: {_short(name)} is no name of a field.", f"Use 1 to {MOST_NAME} characters.")
    return name


def _at(path: str) -> str:
    return repr(path) if path else "The schema"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
