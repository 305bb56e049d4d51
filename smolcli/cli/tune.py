"""smol tune ocr"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcli.cli._help import Commands
from smolcli.cli._options import with_options
from smolcli.options import ModelOptions

if TYPE_CHECKING:
    from smolcli.checks import Trial
    from smolcli.console import Console

command = Commands("Measure how a model does its work best on this machine.\n\nExample: smol tune ocr -m 500m")
HEADER = ("LAYOUT", "ROWS", "LETTERS", "CER", "S/PAGE", "")


@command.callback()
def _tune() -> None:
    """Nothing is done without the name of what is measured."""


@command.command()
@with_options({"parallel": "auto"}, model=ModelOptions)
def ocr(
    pages: Annotated[int, typer.Option("--pages", min=1, max=99, metavar="N", help="Pages to draw and read.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")] = False,
    *,
    model: ModelOptions,
) -> None:
    """Find out how a model reads pages best, and keep that for smol ocr.

    Pages with known text are drawn and read as a whole, by blocks, and by lines at three letter sizes. The form of
    fewest errors is kept, the quickest of those that are as good.

    Example: smol tune ocr -m 500m
    """
    from smolcli.checks import best, trials
    from smolcli.options import OutputOptions
    from smolcli.session import Run
    from smolcli.settings import load_settings
    from smolcli.tuned import remember_tuned

    model = replace(model, parallel=model.parallel or "auto", no_store=True)  # what is known takes no time
    run = Run(model, OutputOptions(json=json, quiet=quiet))
    tried: list[Trial] = []
    with run.reader() as reader:
        facts = reader.facts
        if facts.doctags:
            run.console.note(
                f"{facts.name} writes whole pages as DocTags: smol ocr shows it pages, nothing is measured"
            )
            return
        template = run.template(run.prompt("transcribe", facts), [])
        for trial in trials(reader, template, run.page_form(facts, "auto").nothing, pages):
            tried.append(trial)
            run.console.tell(_sentence(trial))
        chosen = best(tried)
    kept = remember_tuned(load_settings().state_dir, run.tuned_key(facts), chosen.tuned)
    show(run.console, facts.name, tried, chosen)
    if not kept:
        run.console.note(f"{load_settings().state_dir} cannot be written: that is not kept")


def show(console: Console, model: str, tried: Sequence[Trial], chosen: Trial) -> None:
    """What was measured, as a table or an object."""
    from smolcli.console import show_json, show_table

    if console.json:
        show_json({"model": model, "best": asdict(chosen.tuned), "tried": [_record(each) for each in tried]})
    else:
        show_table(HEADER, *((*_row(each), "best" if each is chosen else each.failed) for each in tried))


def _row(trial: Trial) -> tuple[str, ...]:
    form = trial.form
    lines = (str(form.rows), f"{form.letter_px:g} px") if form.layout == "lines" else ("", "")
    return form.layout, *lines, "" if trial.failed else f"{trial.errors:.1%}", f"{trial.seconds:.1f}"


def _sentence(trial: Trial) -> str:
    """ "lines of 26 px: 0.6% of the characters wrong, 2.1 s a page"."""
    what = f"lines of {trial.form.letter_px:g} px" if trial.form.layout == "lines" else trial.form.layout
    done = f"{trial.errors:.1%} of the characters wrong, {trial.seconds:.1f} s a page"
    return f"{what}: {trial.failed or done}"


def _record(trial: Trial) -> dict[str, Any]:
    return {**asdict(trial.tuned), "failed": trial.failed or None}
