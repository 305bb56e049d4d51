"""What a conversion's types cost → a table on stdout."""

from __future__ import annotations

import sys

from smolcli.checks import PICTURES, REFERENCE, Cost


def show_report(costs: list[Cost]) -> None:
    """The table, on stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Against {REFERENCE}, on {len(PICTURES)} drawn pictures (KL in nats)", title_justify="left")
    for heading in ("part", "type", "MB", "cosine", "rel. error", "KL", "most KL", "top 1"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("part", "type") else "right")
    for cost in costs:
        embedding = ("", "") if cost.cosine is None else (f"{cost.cosine:.6f}", f"{cost.relative_error:.2e}")
        numbers = (f"{cost.kl:.2e}", f"{cost.kl_most:.2e}", f"{cost.agreement:.0%}")
        table.add_row(cost.part, cost.type, f"{cost.bytes / 1e6:,.1f}", *embedding, *numbers)
    Console(file=sys.stdout).print(table)
