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
from smolcli.checks.quickest import SpeedTrial
from smolcli.checks.speed_tuning import SpeedTuning
from smolcli.checks.tuning import Trial
from smolcli.tuned import Quickest

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


TRIAL_HEADER = ("LAYOUT", "ROWS", "LETTERS", "CER", "S/PAGE", "")


def trial_rows(tried: Sequence[Trial], chosen: Trial) -> Iterator[tuple[str, ...]]:
    """How pages were read, under TRIAL_HEADER."""
    for trial in tried:
        form = trial.form
        lines = (str(form.rows), f"{form.letter_px:g} px") if form.layout == "lines" else ("", "")
        errors = "" if trial.failed else f"{trial.errors:.1%}"
        yield (form.layout, *lines, errors, f"{trial.seconds:.1f}", "best" if trial is chosen else trial.failed)


def trial_sentence(trial: Trial) -> str:
    """ "lines of 26 px: 0.6% of the characters wrong, 2.1 s a page"."""
    what = f"lines of {trial.form.letter_px:g} px" if trial.form.layout == "lines" else trial.form.layout
    done = f"{trial.errors:.1%} of the characters wrong, {trial.seconds:.1f} s a page"
    return f"{what}: {trial.failed or done}"


def trials_record(model: str, tried: Sequence[Trial], chosen: Trial) -> dict[str, Any]:
    """The same for programs."""
    records = [{**asdict(trial.tuned), "failed": trial.failed or None} for trial in tried]
    return {"model": model, "best": asdict(chosen.tuned), "tried": records}


SPEED_HEADER = ("COMPUTED WITH", "SECONDS", "TIMES", "LEAST", "ANSWER", "")


def speed_rows(tuning: SpeedTuning) -> Iterator[tuple[str, ...]]:
    """How quick each setting was, under SPEED_HEADER."""
    for each in tuning.tried:
        numbers = [f"{value:.2f}" * (not each.failed) for value in (each.seconds, each.times, each.least)]
        answer = "" if each.failed else "same" if each.same else "differs"
        yield (each.setting.line, *numbers, answer, each.failed or "best" * (each is tuning.best))


def speed_sentence(trial: SpeedTrial) -> str:
    """ "2 threads, batches of 512 tokens: 1.94 s a picture, 1.20 times as quick, 1.15 at least"."""
    if trial.failed:
        return f"{trial.setting.line}: {trial.failed}"
    gained = f"{trial.times:.2f} times as quick, {trial.least:.2f} at least"
    return f"{trial.setting.line}: {trial.seconds:.2f} s a picture, {gained}{', another answer' * (not trial.same)}"


def speeds_record(model: str, tuning: SpeedTuning, found: Quickest) -> dict[str, Any]:
    """The same for programs."""
    records = []
    for trial in tuning.tried:
        record = asdict(trial)
        records.append({**record.pop("setting"), **record, "failed": trial.failed or None})
    return {"model": model, "best": asdict(found), "tried": records}


def _without(home: str, cell: str) -> str:
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", cell) if home not in ("", "~") else cell
