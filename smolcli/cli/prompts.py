"""smol prompts, smol prompts show NAME"""

from __future__ import annotations

from typing import Annotated

import typer

from smolcli.datatypes import ImagePart, TilePlan
from smolcli.files import StandardOutput
from smolcli.options import ReadingOptions
from smolcli.prompt import Clip, Medium, load_prompt, names, render, styles
from smolcli.usage import Commands, prompt_names, typer_option

command = Commands(
    "List the prompts, or show one as the model reads it.\n\nExample: smol prompts show video", does_something=True
)
_PICTURE = ImagePart(TilePlan((512, 512), (512, 512), (512, 512), 0, 0, 512, 64))


@command.callback(invoke_without_command=True)
def listing(context: typer.Context) -> None:
    """List the prompts and the styles.

    Example: smol prompts show video --prompt-style training
    """
    if context.invoked_subcommand is not None:
        return
    lines = [f"{name}\t{load_prompt(name, 'reference').description}" for name in names()]
    StandardOutput().write("\n".join([*lines, f"styles\t{', '.join(styles())}"]) + "\n")


@command.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A prompt of smol prompts.", autocompletion=prompt_names)],
    prompt_style: Annotated[str, typer_option(ReadingOptions, "prompt_style", "")] = "reference",
    question: Annotated[
        str | None, typer.Option("-Q", "--question", help="Ask this instead of the default.", metavar="TEXT")
    ] = None,
) -> None:
    """Print a prompt as the family's chat template renders it.

    <image> stands for the rows of a picture.

    Example: smol prompts show docvqa
    """
    from gguf_convert.names import IMAGE
    from smolcli.engine import DEFAULT_TEMPLATE, template_text

    prompt = load_prompt(name, prompt_style)
    media: list[Medium] = [Clip((_PICTURE,) * 3, (0.0, 1.0, 2.0), 3.0)] if name == "video" else [_PICTURE]
    turns = render(prompt.asking(prompt.default_question if question is None else question), media)
    StandardOutput().write(
        f"# {name}, {prompt_style} style: {prompt.description}\n# source: {prompt.source}\n"
        f"# detail: {prompt.detail}; hints: {', '.join(prompt.hints) or 'none'}; {IMAGE} stands for one picture\n"
        f"{template_text(DEFAULT_TEMPLATE, turns)}\n"
    )
