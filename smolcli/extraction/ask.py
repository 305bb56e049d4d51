"""A schema goes in; out come its questions: for each value one, and how its answer is held to what can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from smolcli.extraction.patterns import translated
from smolcli.extraction.schema import SchemaError, tree
from smolcli.extraction.values import READ_AS

MOST_ASKED = 64  # questions about one document
NOTHING = "Not found."  # the choice that stands for null
MOST_ITEMS, MOST_TEXT = 32, 120  # of a list, where the schema sets no limit; characters of a text in it

Kind = Literal["text", "number", "date", "time", "date-time", "choice", "pattern", "json"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One value: where it goes in the object, and the question for it.

    schema: of the value, normalized. choices: what it has to be one of, as words, NOTHING among them. json: of a list,
    the schema that its text follows, as JSON text; of a pattern, that of the quoted text.
    """

    path: tuple[str, ...]
    kind: Kind
    question: str
    schema: Mapping[str, Any]
    choices: tuple[str, ...] = ()
    json: str = ""

    @property
    def name(self) -> str:
        """How warnings call it: "vendor.name"."""
        return ".".join(self.path)


@lru_cache(64)
def asks(schema: str) -> tuple[Ask, ...]:
    """The questions of a schema, in its order. Raises SchemaError."""
    found = tuple(_asks(tree(schema), ()))
    if len(found) > MOST_ASKED:
        raise SchemaError(f"The schema asks for {len(found)} values.", f"Ask for at most {MOST_ASKED} at once.")
    return found


def _asks(node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Ask]:
    for name, value in node["properties"].items():
        if value.get("type") == "object":
            yield from _asks(value, (*path, name))
        else:
            yield _ask(value, (*path, name))


def _ask(value: Mapping[str, Any], path: tuple[str, ...]) -> Ask:
    kind, words = value.get("type"), _words(value, path)
    if "enum" in value:
        texts = tuple(each if isinstance(each, str) else json.dumps(each) for each in value["enum"])
        return Ask(path, "choice", _question(value, words), value, (*texts, *_nothing(texts)))
    if kind == "boolean":
        return Ask(path, "choice", _yes_or_no(value, path, words), value, ("yes", "no", NOTHING))
    if kind in ("number", "integer"):
        return Ask(path, "number", _question(value, words), value)
    if kind == "string" and "pattern" in value:
        quoted = json.dumps({"type": "string", "pattern": translated(value["pattern"], ".".join(path))})
        return Ask(path, "pattern", _question(value, words), value, json=quoted)
    if kind == "string":
        return Ask(path, value["format"] if value.get("format") in READ_AS else "text", _question(value, words), value)
    return Ask(path, "json", f"List the {words} as JSON.", value, json=_written(value))


def _nothing(texts: tuple[str, ...]) -> tuple[str, ...]:
    return () if NOTHING in texts else (NOTHING,)


def _words(value: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """What a value is called in a question: its title or description, or the names that lead to it."""
    given = " ".join((value.get("title") or value.get("description") or "").split()).rstrip(".")
    if given:
        given = given.removeprefix("The ").removeprefix("the ")
        return given if given[1:2].isupper() else given[:1].lower() + given[1:]
    return " ".join(_spelt(name) for name in path)


def _spelt(name: str) -> str:
    """ "invoice_number" and "invoiceNumber" as words; other names as they are."""
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).replace("_", " ").replace("-", " ").split()) or name


def _question(value: Mapping[str, Any], words: str) -> str:
    asked = (value.get("description") or "").strip()
    return asked if asked.endswith("?") else f"What is the {words}?"


def _yes_or_no(value: Mapping[str, Any], path: tuple[str, ...], words: str) -> str:
    asked = (value.get("description") or "").strip()
    if asked.endswith("?"):
        return asked
    first, _, rest = words.partition(" ")
    if rest and first.lower() in ("is", "was", "are"):
        return f"{first.capitalize()} it {rest}?"
    if rest and first.lower() == "has":
        return f"Is there a {rest}?"
    return f"Is it {words}?"


def _written(value: Mapping[str, Any]) -> str:
    """The schema of what is written as JSON, for the converter: every value in it may be null, nothing is endless."""
    texts: dict[str, Any] = {}
    node = _nullable(value, texts)
    return json.dumps({**node, "$defs": texts} if texts else node)


def _nullable(node: Mapping[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [_bounded(node, texts), {"type": "null"}]}


def _bounded(node: Mapping[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in node:
        return {"anyOf": [_bounded(part, texts) for part in node["anyOf"]]}
    kind = node.get("type")
    if kind == "string" and "pattern" not in node and node.get("format") not in READ_AS:
        most = min(node.get("maxLength", MOST_TEXT), MOST_TEXT)
        texts[f"text-{most}"] = {"type": "string", "maxLength": most}
        return {"$ref": f"#/$defs/text-{most}"}
    if kind == "object":
        properties = {name: _nullable(each, texts) for name, each in node["properties"].items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if kind == "array":
        most = min(node.get("maxItems", MOST_ITEMS), MOST_ITEMS)
        return {"type": "array", "items": _nullable(node["items"], texts), "minItems": 0, "maxItems": most}
    if "pattern" in node:
        return {"type": "string", "pattern": translated(node["pattern"], "A list", quoted=True)}
    return {key: node[key] for key in ("type", "enum", "format") if key in node}
