"""A JSON Schema as JSON text goes in, whatever it holds; one that is small, whole and understood comes out, or a
SchemaError.

What comes out is JSON Schema too, and the same goes in again: an object of named properties, of which each is one of

    {"type": "string", minLength, maxLength, pattern, format}      {"enum": [scalars]}
    {"type": "number" | "integer", minimum, maximum, …}            {"type": "boolean"}
    {"type": "array", "items": …, minItems, maxItems}              {"type": "object", "properties": {…}}
    {"anyOf": [several of these]}

each with `title` and `description` where it had them. References are followed within the text and nowhere else. `null`
is allowed for every value and so is written nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from smolcli.errors import UsageError
from smolcli.extraction.patterns import translated

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
    "dependencies", "contains", "prefixItems", "uniqueItems", "unevaluatedProperties", "unevaluatedItems",
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
        root = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SchemaError(f"The schema is not JSON: {reason}.") from error
    found = _Reader(root).node(root, "", ())
    if found.get("type") != "object":
        raise SchemaError("The schema is not of an object: nothing says what the fields are called.")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


class _Reader:
    """Follows references within one document, and counts."""

    def __init__(self, root: Any) -> None:
        self._root, self._nodes = root, 0

    def node(self, schema: Any, path: str, following: Sequence[str]) -> dict[str, Any]:
        """One schema of the document. path: of property names; following: references that led here."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise SchemaError(f"The schema has more than {MOST_NODES} parts.", "Ask for less at once.")
        if path.count(".") + path.count("[") >= MOST_DEEP:
            raise SchemaError(f"{_at(path)}: the schema is more than {MOST_DEEP} levels deep.", "Make it flatter.")
        if not isinstance(schema, dict):
            raise SchemaError(f"{_at(path)}: {_short(schema)} is no schema.")
        if (reference := schema.get("$ref")) is not None:
            return self._followed(schema, reference, path, following)
        if refused := sorted(_REFUSED & schema.keys()):
            raise SchemaError(f"{_at(path)}: {refused[0]!r} is not understood.", "Leave it out.")
        words = {key: schema[key] for key in _WORDS if isinstance(schema.get(key), str)}
        return words | self._shape(schema, path, following)

    def _shape(self, schema: dict[str, Any], path: str, following: Sequence[str]) -> dict[str, Any]:
        if "allOf" in schema:
            return self._shape(_together(schema, path), path, following)
        if "const" in schema or "enum" in schema:
            return _enum(schema.get("enum", [schema.get("const")]), path)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._union(schema[key], path, following)
        kinds = [kind for kind in _listed(schema.get("type", _kind_of(schema)), path) if kind != "null"]
        if len(kinds) > 1:
            return self._union([{**schema, "type": kind} for kind in kinds], path, following)
        return self._typed(kinds[0] if kinds else "null", schema, path, following)

    def _typed(self, kind: Any, schema: dict[str, Any], path: str, following: Sequence[str]) -> dict[str, Any]:
        if not isinstance(kind, str) or kind not in _KEPT:
            raise SchemaError(f"{_at(path)}: {_short(kind)} is no type of a value.", f"Known: {', '.join(_KEPT)}.")
        found = {"type": kind} | {key: _limit(schema[key], key, path) for key in _KEPT[kind] if key in schema}
        if kind == "object":
            properties = schema.get("properties")
            if not isinstance(properties, dict) or not properties:
                raise SchemaError(f"{_at(path)}: an object without properties says nothing of what is looked for.")
            names = {_name(name, path): name for name in properties}
            found["properties"] = {
                name: self.node(properties[name], f"{path}.{name}" if path else name, following) for name in names
            }
        elif kind == "array":
            found["items"] = self.node(schema.get("items", {"type": "string"}), f"{path}[]", following)
        elif kind == "string":
            if "pattern" in schema:
                translated(schema["pattern"], _at(path))  # it stays as it was: the same schema may be read again
                found["pattern"] = schema["pattern"]
            if schema.get("format") == "date":
                found["format"] = "date"
        return found

    def _union(self, parts: Any, path: str, following: Sequence[str]) -> dict[str, Any]:
        if not isinstance(parts, list) or not parts:
            raise SchemaError(f"{_at(path)}: a choice of several schemas has none.")
        found = [self.node(part, path, following) for part in parts if part != {"type": "null"}]
        if not found:
            raise SchemaError(f"{_at(path)}: nothing but null is allowed.")
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _followed(self, schema: dict[str, Any], reference: Any, path: str, following: Sequence[str]) -> dict[str, Any]:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            where = f"{_at(path)}: the schema refers to {_short(reference)}"
            raise SchemaError(f"{where}: nothing is fetched.", 'Write it into the schema, under "$defs".')
        if reference in following:
            raise SchemaError(f"{_at(path)}: the schema {reference!r} refers to itself.", "Write out how deep it goes.")
        target = self._root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise SchemaError(f"{_at(path)}: the schema refers to {_short(reference)}, which is not there.")
            target = target[key]
        words = {key: schema[key] for key in _WORDS if isinstance(schema.get(key), str)}
        return self.node(target, path, (*following, reference)) | words


def _together(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """The parts of an `allOf` in one: they may not say different things of the same key, but properties add up."""
    parts = schema["allOf"]
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise SchemaError(f"{_at(path)}: 'allOf' is no list of schemas.")
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        for key, value in part.items():
            if key == "properties" and isinstance(value, dict) and isinstance(whole.get(key, {}), dict):
                whole[key] = {**whole.get(key, {}), **value}
            elif key == "$ref" or (key not in ("required", *_WORDS) and whole.get(key, value) != value):
                raise SchemaError(f"{_at(path)}: this 'allOf' is not understood.", "Write its parts as one schema.")
            else:
                whole[key] = value
    return whole


def _kind_of(schema: dict[str, Any]) -> str:
    """The type that a schema without one means."""
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _listed(kinds: Any, path: str) -> list[Any]:
    if isinstance(kinds, list) and not kinds:
        raise SchemaError(f"{_at(path)}: the list of types is empty.")
    return kinds if isinstance(kinds, list) else [kinds]


def _enum(values: Any, path: str) -> dict[str, Any]:
    if not isinstance(values, list):
        raise SchemaError(f"{_at(path)}: 'enum' is no list.")
    if len(values) > MOST_ENUM:
        raise SchemaError(f"{_at(path)}: 'enum' has {len(values)} values.", f"At most {MOST_ENUM} are read.")
    kept = [value for value in values if value is not None]
    texts = [value if isinstance(value, str) else json.dumps(value) for value in kept]
    odd = next((text for text in texts if not text or text != text.strip() or not text.isprintable()), None)
    if odd is not None or any(isinstance(value, dict | list) for value in kept):
        raise SchemaError(f"{_at(path)}: 'enum' holds {_short(odd)}, which nobody can answer with.")
    if not kept or len(set(texts)) < len(texts):
        raise SchemaError(f"{_at(path)}: 'enum' is empty, or holds a value twice.")
    return {"enum": kept}


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
