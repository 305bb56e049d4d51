"""smol tune, smol tune ocr|speed"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcli.options import ModelOptions
from smolcli.usage import Commands, Json, with_options

if TYPE_CHECKING:
    from smolcli.checks import Trial

command = Commands(
    "Measure how a model does its work best on this machine.\n\nWithout a word: both, of the default model.\n\n"
    "Example: smol tune speed -m 500m",
    does_something=True,
)


@command.callback(invoke_without_command=True)
def _tune(context: typer.Context) -> None:
    """Everything that there is to measure, where nothing is named."""
    group: Any = context.command
    context.default_map = dict.fromkeys(group.list_commands(context), context.default_map)  # the settings
    if context.invoked_subcommand is not None:
        return
    for name in group.list_commands(context):
        measured = group.get_command(context, name)
        with measured.make_context(name, [], parent=context) as inner:
            measured.invoke(inner)


@command.command()
@with_options(parallel="auto")
def ocr(
    pages: Annotated[int, typer.Option("--pages", min=1, max=99, metavar="N", help="Pages to draw and read.")] = 3,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")] = False,
    *,
    model: ModelOptions,
) -> None:
    """Find out how a model reads pages best, and keep that for smol ocr.

    Pages with known text are drawn and read as a whole, by blocks, and by lines at three letter sizes. The form of
    fewest errors is kept, the quickest of those that are as good.

    Example: smol tune ocr -m 500m
    """
    from smolcli.checks import TRIAL_HEADER, best, trial_rows, trial_sentence, trials, trials_record
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
            run.console.tell(trial_sentence(trial))
        chosen = best(tried)
    kept = remember_tuned(load_settings().state_dir, run.tuned_key(facts), chosen.tuned)
    run.console.table(trials_record(facts.name, tried, chosen), TRIAL_HEADER, trial_rows(tried, chosen))
    if not kept:
        run.console.note(f"{load_settings().state_dir} cannot be written: that is not kept")


@command.command()
@with_options()
def speed(
    rounds: Annotated[int, typer.Option("--rounds", min=3, max=99, metavar="N", help="Turns of each comparison.")] = 5,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Take what is quicker even where the answer is another.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")] = False,
    *,
    model: ModelOptions,
) -> None:
    """Find out how a model computes quickest, and keep that.

    Numbers of threads, threads pinned to cores and sizes of a batch are compared with what comes by itself, in turns;
    with --allow-changes types of the projector and of keys and values too. What is quicker every time, by 5 % or more,
    and once more in a last comparison, is kept for this model and device if the answer is the same, or may be another.

    Example: smol tune speed -m 500m
    """
    from smolcli.checks import SPEED_HEADER, SpeedTuning, Trying, speed_rows, speed_sentence, speeds_record
    from smolcli.computing import computed_on, pair_bytes
    from smolcli.console import StepBar
    from smolcli.options import OutputOptions
    from smolcli.session import Run
    from smolcli.settings import load_settings
    from smolcli.tuned import remember_quickest, tuned_key

    run = Run(model, OutputOptions(json=json, quiet=quiet))
    pair, options = run.pair(), run.engine_options()
    key = tuned_key(pair.name, pair_bytes(pair), computed_on(pair, options))
    trying = Trying(rounds, allow_changes)
    with StepBar(quiet) as bar, SpeedTuning(pair, options, trying, run.console.tell, bar) as tuning:
        for trial in tuning.trials():
            run.console.tell(speed_sentence(trial))
        found = tuning.quickest()
    kept = remember_quickest(load_settings().state_dir, key, found)
    run.console.table(speeds_record(pair.name, tuning, found), SPEED_HEADER, speed_rows(tuning))
    if not kept:
        run.console.note(f"{load_settings().state_dir} cannot be written: that is not kept")
