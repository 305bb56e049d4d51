"""smol models, smol models default|add|verify"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smolcli.usage import Commands, Json, local_names, model_names

command = Commands(
    "List the models of this machine; choose, add or verify one.\n\nExample: smol models --available",
    does_something=True,
)
_JSON = typer.Option("--json", help="JSON instead of a table.")


@command.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    json: Annotated[bool, _JSON] = False,
    available: Annotated[bool, typer.Option("--available", help="What can be pulled.")] = False,
) -> None:
    """List the models of this machine.

    Example: smol models --available
    """
    if context.invoked_subcommand is not None:
        return
    from dataclasses import asdict

    from smolcli.console import show_json, show_table
    from smolcli.models import catalog_entries, catalog_rows, local_records, local_rows
    from smolcli.settings import load_settings

    if available and json:
        show_json(*(asdict(entry) for entry in catalog_entries()))
    elif available:
        show_table(*catalog_rows())
    elif json:
        show_json(*local_records(load_settings()))
    else:
        show_table(*local_rows(load_settings()))


@command.command("default")
def set_default(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What -m would be given.", autocompletion=model_names)],
) -> None:
    """Read with this model where no -m is given.

    `builtin` takes the choice back.

    Example: smol models default 500m-video
    """
    from smolcli.console import say
    from smolcli.models import is_builtin, lasting_name
    from smolcli.settings import change, load_settings

    settings = load_settings()
    path = change("model", None if is_builtin(name) else lasting_name(name, settings))
    say(f"{name} is the default from now on ({path})")
    if settings.origins["model"] == "SMOL_MODEL":
        say(f"note: SMOL_MODEL is set to {settings.values['model']} and goes before it")


@command.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called.")],
    language: Annotated[Path, typer.Argument(metavar="LM.gguf", help="The language model.")],
    projector: Annotated[Path, typer.Argument(metavar="MMPROJ.gguf", help="Its vision projector.")],
    *,
    keep_as_published: Annotated[
        bool, typer.Option("--keep-as-published", help="No BF16 copy of the projector.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes.")] = False,
) -> None:
    """Give a pair of GGUF files a name.

    The files stay where they are.

    Example: smol models add invoices invoices-q8_0.gguf mmproj-invoices-f16.gguf
    """
    from smolcli.checks import EngineExaminer
    from smolcli.console import Console, show_json
    from smolcli.models import Adoption, add_pair, default_name, pair_record
    from smolcli.settings import load_settings

    settings = load_settings()
    console = Console(quiet, json)
    how = Adoption(settings, EngineExaminer(), console.tell, keep_as_published=keep_as_published)
    pair = add_pair(name, language, projector, how)
    if json:
        show_json(pair_record(pair, default_name(settings)))
        return
    console.tell(f'{name} is ready: smol ask -m {name} photo.jpg "What is this?"')


@command.command()
def verify(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A name of smol models; without it, all.", autocompletion=local_names),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="A JSON object per file.")] = False,
) -> None:
    """Read every file of a model and compare its SHA-256.

    Exit code 1 when a file is gone or changed.

    Example: smol models verify 500m-video
    """
    from smolcli.console import show_json, show_lines
    from smolcli.errors import SomeInputsFailedError
    from smolcli.models import file_states
    from smolcli.settings import load_settings

    bad = 0
    for file in file_states(load_settings(), name):
        bad += file.state != "ok"
        if json:
            show_json({"pair": file.pair, "path": file.path, "state": file.state})
        else:
            show_lines([f"{file.pair}\t{file.path}\t{file.state}" + (f". {file.way_out}" if file.way_out else "")])
    if bad:
        raise SomeInputsFailedError(f"{bad} of the files are not what they were.")
