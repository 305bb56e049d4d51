"""A model's name in, checks out: of the machine, of the settings, of the model."""

from __future__ import annotations

from collections.abc import Sequence

from smolcli.checks.check import Check
from smolcli.checks.model import model_checks
from smolcli.checks.system import machine_checks, settings_checks
from smolcli.engine import EngineOptions
from smolcli.errors import SmolError
from smolcli.models import resolve
from smolcli.settings import load_settings


def all_checks(model: str | None, mmproj: str | None, device: str | None) -> list[Check]:
    """The machine's, the settings', the model's; what an earlier failure hides is left out.

    model, device: None takes the settings'; mmproj: None takes the model's own.
    """
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
    given = {name: settings.values[name] for name in ("threads", "gpu_layers", "context", "towers", "batch_rows")}
    given["kv_type"] = settings.values["kv_type"] or "f16"
    options = EngineOptions(device=device or settings.values["device"] or "auto", **given)
    return [*checks, *model_checks(pair, settings, options)]


def failures(checks: Sequence[Check]) -> int:
    """How many failed."""
    return sum(check.status == "failed" for check in checks)
