"""Names of fields as they are typed ("total:number, date, items[]") go in; a JSON Schema comes out."""

from __future__ import annotations

import csv
import json
from typing import Any

from smolcli.errors import UsageError
from smolcli.extraction.schema import normalized

_TYPES: dict[str, dict[str, Any]] = {
    "": {"type": "string"},
    "text": {"type": "string"},
    "number": {"type": "number"},
    "int": {"type": "integer"},
    "date": {"type": "string", "format": "date"},
    "bool": {"type": "boolean"},
}


def typed_list(text: str) -> list[str]:
    """The parts of a list with commas as a person types it; one that has a comma in it is in quotes, as in CSV."""
    rows = list(csv.reader([text], skipinitialspace=True)) if "\n" not in text and "\r" not in text else []
    return [part.strip() for part in rows[0]] if rows and rows[0] else [part.strip() for part in text.split(",")]


def schema_of_fields(text: str) -> str:
    """The schema of some fields, all of them texts but where a type is named. Raises UsageError."""
    properties: dict[str, Any] = {}
    hint = f'Write --fields "total,date"; a type may follow: total:number ({", ".join(filter(None, _TYPES))}), lines[].'
    for field in typed_list(text):
        name, _, kind = (part.strip() for part in field.partition(":"))
        several = name.endswith("[]") or kind.endswith("[]")
        name, kind = name.removesuffix("[]").strip(), kind.removesuffix("[]").strip().lower()
        if not name:
            raise UsageError(f"A field has no name in {text!r}." if text.strip() else "No fields are named.", hint)
        if name in properties:
            raise UsageError(f"The field {name!r} is there twice.", hint)
        if kind not in _TYPES:
            raise UsageError(f"{kind!r} is no type of a field ({name}).", hint)
        properties[name] = {"type": "array", "items": _TYPES[kind]} if several else _TYPES[kind]
    return normalized(json.dumps({"type": "object", "properties": properties}))
