"""A schema and a reference in it ("#/$defs/money", "#money", "#") go in; the part that is meant comes out."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def referred(root: Any, reference: str) -> Any:
    """What a reference means within its own document; nothing is fetched. Raises LookupError where it is not there."""
    name = unquote(reference.removeprefix("#"))
    if name and not name.startswith("/"):
        return _anchored(root, name)
    target = root
    for step in name.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        target = target[int(key)] if isinstance(target, list) and key.isdecimal() else _named(target, key)
    return target


def _named(target: Any, key: str) -> Any:
    if not isinstance(target, dict):
        raise LookupError(key)
    return target[key]


def _anchored(root: Any, name: str) -> Any:
    """The schema that calls itself by a name."""
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if name in (found.get("$anchor"), found.get("$id"), found.get("$id") == f"#{name}" and name):
                return found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    raise LookupError(name)
