"""The commands by name. Each is imported when it is typed: what `smol --help` says of it stands here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand

from smolcli.usage import Group, single

COMMANDS = {  # in the order of --help; the first sentence of each command's own help, at most 65 characters
    "ask": "Answer a question about images, pages and clips in one prompt.",
    "caption": "Describe each image of files and folders in a line.",
    "docvqa": "Answer a question about each document, or write out its text.",
    "ocr": "Write out the text of documents, page by page.",
    "video": "Answer a question about clips, or describe them.",
    "find": "Find where something is seen in clips, pictures and pages.",
    "test": "Say by the exit code whether something is seen in a picture.",
    "tune": "Measure how a model does its work best on this machine.",
    "bench": "Measure how fast a model is on this machine, and its memory.",
    "plan": "Say what a request would cost before it is computed.",
    "prompts": "List the prompts, or show one as the model reads it.",
    "pull": "Fetch a model of the Hugging Face Hub, check it, and name it.",
    "models": "List the models of this machine; choose, add or verify one.",
    "rm": "Remove a model: its name, and the files that smol made of it.",
    "cache": "Look at what smol keeps because it was expensive to make.",
    "config": "Show the settings and where they come from, or change them.",
    "convert": "Convert a checkpoint of the family to GGUF, and verify it.",
    "inspect": "Say what GGUF files hold, and what is doubtful.",
    "repair": "Copy a projector with a missing key added, or re-typed.",
    "doctor": "Check all that an answer depends on, and say how to mend it.",
}


class Root(Group):
    """The commands of `smol`: what lists them knows their names and summaries, what runs one imports it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=summary) for name, summary in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that was typed, whole. Completion asks here too."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name) if name is not None and found is not None else None, rest


def load(name: str) -> Any:
    """A command by its name, imported, with its options (and its own commands)."""
    found = import_module(f"smolcli.cli.{name}").command
    command = typer.main.get_command(found if isinstance(found, typer.Typer) else single(found))
    command.name = name
    return command
