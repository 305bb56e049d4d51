"""smol bench"""

from __future__ import annotations

import datetime
import shlex
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcli.errors import UsageError
from smolcli.options import ModelOptions, OutputOptions
from smolcli.usage import Json, typer_option

if TYPE_CHECKING:
    from smolcli.checks import Amount, Bench, Peers
    from smolcli.console import StepBar
    from smolcli.datatypes import ModelFacts
    from smolcli.measurements import Record
    from smolcli.session import Run

MOST_WIDTH = 512


Quick = Annotated[bool, typer.Option("--quick", help="A first impression: fewer and shorter runs.")]
Widths = Annotated[
    str | None,
    typer.Option(
        "--widths",
        help="Sequences at the same time, such as 1,8,64, however long that takes.",
        metavar="N,...",
        show_default="1,2,4,8,16,64, as far as a run ends in a minute",
    ),
]
Runs = Annotated[
    int | None,
    typer.Option(
        "--runs",
        min=1,
        max=1000,
        metavar="N",
        help="Repeats of each measurement, however long they take.",
        show_default="5, as far as a minute lasts",
    ),
]
Beside = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Run llama-mtmd-cli and llama-server of this folder on the same, and print ratios.",
        metavar="PATH",
    ),
]
Plot = Annotated[Path | None, typer.Option("--plot", help="Draw it: a .png, .svg or .pdf file.", metavar="FILE")]


def command(
    *,
    model: Annotated[str | None, typer_option(ModelOptions, "model")] = None,
    mmproj: Annotated[str | None, typer_option(ModelOptions, "mmproj")] = None,
    threads: Annotated[int | None, typer_option(ModelOptions, "threads")] = None,
    device: Annotated[str, typer_option(ModelOptions, "device")] = "auto",
    gpu_layers: Annotated[int | None, typer_option(ModelOptions, "gpu_layers")] = None,
    towers: Annotated[int | None, typer_option(ModelOptions, "towers")] = None,
    batch_rows: Annotated[int | None, typer_option(ModelOptions, "batch_rows")] = None,
    kv_type: Annotated[str | None, typer_option(ModelOptions, "kv_type")] = None,
    context: Annotated[int | None, typer_option(ModelOptions, "context")] = None,
    quick: Quick = False,
    widths: Widths = None,
    runs: Runs = None,
    against: Beside = None,
    plot: Plot = None,
    force: Annotated[bool, typer_option(OutputOptions, "force")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer_option(OutputOptions, "quiet")] = False,
) -> None:
    """Measure how fast a model is on this machine, and its memory.

    Load, preprocess, encode, prefill; decode, and pictures with a question, several at a time. Medians of repeats.
    The store is neither used nor filled.

    Example: smol bench -m 500m --plot bench.png
    """
    from smolcli.checks import QUICK, Amount
    from smolcli.session import Run

    where = ModelOptions(model, mmproj, threads, device, gpu_layers, towers=towers, batch_rows=batch_rows)
    where = replace(where, context=context, kv_type=kv_type, no_store=True)
    run = Run(where, OutputOptions(json=json, quiet=quiet, force=force))
    _bench(run, _amount(QUICK if quick else Amount(), widths, runs), against, plot)


def _bench(run: Run, amount: Amount, against: Path | None, plot: Path | None) -> None:
    """Measure, and show it; also as a chart. Raises UsageError, OutputError, before anything is measured."""
    from smolcli.checks import find_peers
    from smolcli.console import StepBar, show_json, show_record
    from smolcli.delivery import plot_file
    from smolcli.measurements import as_json

    peers = find_peers(against) if against is not None else None
    with plot_file(plot, run.output.force) as write_plot, StepBar(run.output.quiet) as bar:
        record = _measured(run, amount, peers, bar)
        if write_plot is not None:
            write_plot(record)
    run.console.note(*record.notes)
    if run.output.json:
        show_json(as_json(record))
    else:
        show_record(record)


def _amount(amount: Amount, widths: str | None, runs: int | None) -> Amount:
    """As it is asked for. What is asked for by number is measured, however long it takes. Raises UsageError."""
    if widths is not None:
        amount = replace(amount, widths=_widths(widths), all_widths=True)
    return amount if runs is None else replace(amount, runs=runs, most_s=None)


def _widths(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() and len(word) < 5 and 0 < int(word) <= MOST_WIDTH for word in words):
        raise UsageError(f"--widths is {text!r}.", f"It must be whole numbers, 1 to {MOST_WIDTH}, such as 1,4,16.")
    return tuple(sorted({int(word) for word in words}))


def _measured(run: Run, amount: Amount, peers: Peers | None, told: StepBar) -> Record:
    """Measure, beside the peers too where there are any. Raises ModelError, EngineError, UsageError."""
    from smolcli.checks import Against, Bench, model_names, this_build, this_machine
    from smolcli.measurements import Record
    from smolcli.models import resolve

    used = run.computing(resolve(run.model.model, run.model.mmproj))
    pair, options = used.pair, used.options
    with run.reader() as reader:  # what is wrong with the model, or odd, is said now; and what it is computed on
        facts = reader.facts
    bench = Bench(pair, options, amount, told)
    with ExitStack() as stack:
        against = None
        if peers is not None:
            against = stack.enter_context(closing(Against(pair, options, peers, amount, told)))
            against.warm()
        bench.run(cold=against is None or not against.measures_cold)
        rows, notes = bench.rows, bench.notes
        if against is not None:
            against.run(bench.example_widths)
            rows, notes = [*rows, *against.rows], [*notes, *against.notes]
    _remember(run, facts, bench)
    notes = [*notes, used.line] if used.line else notes
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = (_command(run.model, amount), today, this_machine(), this_build(), model_names(pair))
    return Record("bench", "smol bench", *about, bench.settings, tuple(rows), tuple(notes))


def _remember(run: Run, facts: ModelFacts, bench: Bench) -> None:
    """What smol plan estimates by, where nothing is known yet: its own runs tell more than drawn pictures."""
    from smolcli.settings import load_settings
    from smolcli.speeds import measured, remember

    key, folder = run.speed_key(facts), load_settings().state_dir
    if measured(folder, key) is None:
        remember(folder, key, bench.load_s, bench.took)


def _command(model: ModelOptions, amount: Amount) -> str:
    """What measures the same again."""
    words = ["smol", "bench", "--widths", ",".join(map(str, amount.widths)), "--runs", str(amount.runs)]
    for flag in ("model", "mmproj", "threads", "gpu_layers", "towers", "batch_rows", "kv_type", "context"):
        value = getattr(model, flag)
        words += [f"--{flag.replace('_', '-')}", str(value)] if value is not None else []
    return shlex.join([*words, "--device", model.device] if model.device != "auto" else words)
