"""Checks in, lines, JSON or Markdown out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from smolcli.cli._checks import Check
from smolcli.errors import SmolError

SCHEMA = 1


def all_checks(model: str | None, mmproj: str | None, device: str | None) -> list[Check]:
    """The machine's, the settings', the model's; what an earlier failure hides is left out.

    model, device: None takes the settings'; mmproj: None takes the model's own.
    """
    from smolcli.cli._doctor_model import model_checks
    from smolcli.cli._doctor_system import machine_checks, settings_checks
    from smolcli.engine import EngineOptions
    from smolcli.models import resolve
    from smolcli.settings import load_settings

    checks = list(machine_checks())
    try:
        settings = load_settings()
    except SmolError as error:
        return [*checks, Check("settings", "failed", error.message, error.hint)]
    checks += settings_checks(settings)
    try:
        pair = resolve(model or settings.values["model"], mmproj, settings)
    except SmolError as error:
        return [*checks, Check("model", "failed", error.message, error.hint)]
    given = {name: settings.values[name] for name in ("threads", "gpu_layers", "context")}
    options = EngineOptions(device=device or settings.values["device"] or "auto", **given)
    return [*checks, *model_checks(pair, settings, options)]


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


def failures(checks: Sequence[Check]) -> int:
    """How many failed."""
    return sum(check.status == "failed" for check in checks)
