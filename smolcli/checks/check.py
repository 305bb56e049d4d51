"""One line of `smol doctor`: what was looked at and how it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from smolcli.errors import SmolError

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is, what was found, and what to do about it."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def guarded(name: str, check: Callable[[], Check]) -> Check:
    """A check that raises has failed; its error's hint is the fix."""
    try:
        return check()
    except SmolError as error:
        return Check(name, "failed", error.message, error.hint)
