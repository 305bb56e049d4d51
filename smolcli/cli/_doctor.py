"""Checks in, lines, JSON or Markdown out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from smolcli.checks import Check, failures

SCHEMA = 1


def check_lines(checks: Sequence[Check]) -> Iterator[str]:
    """For people: status, name, what was found; the fix below."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{check.status:<8} {check.name:<{width}}  {check.detail}"
        if check.fix:
            yield f"{'':<8} {'':<{width}}  → {check.fix}"


def checks_record(checks: Sequence[Check]) -> dict[str, Any]:
    """For programs."""
    return {"schema": SCHEMA, "ok": failures(checks) == 0, "checks": [asdict(check) for check in checks]}


def report_lines(checks: Sequence[Check]) -> Iterator[str]:
    """For a bug report, as Markdown. The home folder is written as ~."""
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111  Path.home() raises where there is none
    yield "### smol doctor"
    yield ""
    yield "| | check | found | fix |"
    yield "|---|---|---|---|"
    for check in checks:
        mark = check.status if check.status == "ok" else f"**{check.status}**"
        cells = (mark, check.name, check.detail, check.fix)
        yield "| " + " | ".join(_without(home, cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _without(home: str, cell: str) -> str:
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", cell) if home not in ("", "~") else cell
