"""smol doctor"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.options import ModelOptions
from smolcli.usage import Json, typer_option


def command(
    model: Annotated[str | None, typer_option(ModelOptions, "model", "the one that you read with")] = None,
    mmproj: Annotated[str | None, typer_option(ModelOptions, "mmproj")] = None,
    device: Annotated[str | None, typer_option(ModelOptions, "device", "as you read")] = None,
    json: Json = False,
    report: Annotated[bool, typer.Option("--report", help="Markdown, for a bug report.")] = False,
) -> None:
    """Check all that an answer depends on, and say how to mend it.

    Exit code 1 when a check has failed. --report is what we ask for in a bug report.

    Example: smol doctor -m 500m-video
    """
    from smolcli.checks import all_checks, check_lines, checks_record, failures, report_lines
    from smolcli.console import Console
    from smolcli.errors import SomeInputsFailedError

    checks = all_checks(model, mmproj, device)
    Console(json=json).result([checks_record(checks)], report_lines(checks) if report else check_lines(checks))
    if count := failures(checks):
        raise SomeInputsFailedError(f"{count} of {len(checks)} checks failed.")
