"""What was checked or measured in, lines, rows, JSON or Markdown out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from smolcli.checks.check import Check
from smolcli.checks.doctor import failures
from smolcli.checks.measure import PICTURES, REFERENCE, Cost

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


COST_TITLE = f"Against {REFERENCE}, on {len(PICTURES)} drawn pictures (KL in nats)"
COST_HEADER = ("part", "type", "MB", "cosine", "rel. error", "KL", "most KL", "top 1")


def cost_rows(costs: Sequence[Cost]) -> Iterator[tuple[str, ...]]:
    """What the types of a conversion cost, under COST_HEADER."""
    for cost in costs:
        embedding = ("-", "-") if cost.cosine is None else (f"{cost.cosine:.6f}", f"{cost.relative_error:.2e}")
        numbers = (f"{cost.kl:.2e}", f"{cost.kl_most:.2e}", f"{cost.agreement:.0%}")
        yield (cost.part, cost.type, f"{cost.bytes / 1e6:,.1f}", *embedding, *numbers)


def _without(home: str, cell: str) -> str:
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", cell) if home not in ("", "~") else cell
