"""The options that commands share, each written once, and the decorator that adds them to a command."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from smolcli.cli._completion import among, hint_names, model_names, style_names
from smolcli.errors import UsageError

MODEL, READING, PAGES, CLIPS, OUTPUT = "Model", "Reading", "Pages", "Clips", "Output"


def _option(panel: str, *names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


def _finite(value: float | None) -> float | None:
    """`nan` and `inf` are numbers to Python's parser, but nothing that can be computed with."""
    if value is not None and not math.isfinite(value):
        raise UsageError(f"{value} is not a number that can be used here.", "Write one such as 0.7.")
    return value


def _quarter(degrees: int) -> int:
    if degrees not in (0, 90, 180, 270):
        raise UsageError(f"Pictures are not turned by {degrees} degrees.", "Use --rotate 90, 180 or 270 (clockwise).")
    return degrees


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model, and how it is run."""

    model: Annotated[
        str | None,
        _option(
            MODEL,
            "-m",
            "--model",
            help="A name (smol models), a GGUF file, or a Hugging Face folder. Default: the built-in model.",
            metavar="MODEL",
            autocompletion=model_names,
        ),
    ] = None
    mmproj: Annotated[
        str | None, _option(MODEL, "--mmproj", help="Its vision projector. Default: the one beside it.", metavar="FILE")
    ] = None
    threads: Annotated[int | None, _option(MODEL, "--threads", help="Default: physical cores.", min=1, max=512)] = None
    device: Annotated[
        str,
        _option(
            MODEL,
            "--device",
            help="Where to compute: auto, cpu, cuda, metal or vulkan.",
            metavar="NAME",
            autocompletion=among("auto", "cpu", "cuda", "metal", "vulkan"),
        ),
    ] = "auto"
    gpu_layers: Annotated[
        int | None, _option(MODEL, "--gpu-layers", help="Layers on the GPU. Default: all.", min=0)
    ] = None
    context: Annotated[
        int | None, _option(MODEL, "--context", help="Tokens per conversation. Default: the model's own.", min=1)
    ] = None
    parallel: Annotated[
        int | None,
        _option(MODEL, "--parallel", help="Answers written at the same time. Default: 1, captions 4.", min=1, max=64),
    ] = None
    no_store: Annotated[
        bool, _option(MODEL, "--no-store", help="Neither use nor keep what is computed (smol cache).")
    ] = False
    fresh: Annotated[bool, _option(MODEL, "--fresh", help="Compute all anew, and keep that.")] = False
    page_timeout: Annotated[
        float | None,
        _option(
            MODEL,
            "--page-timeout",
            help="Most seconds for one page, picture or clip; then it has failed.",
            min=0.001,
            callback=_finite,
            metavar="SECONDS",
        ),
    ] = None
    fail_fast: Annotated[bool, _option(MODEL, "--fail-fast", help="End with the first input that fails.")] = False


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How to look, how to ask, how to choose words."""

    detail: Annotated[
        str | None,
        _option(
            READING,
            "--detail",
            help="auto, low, native, high, or at most N tiles.",
            metavar="LEVEL",
            autocompletion=among("auto", "low", "native", "high"),
        ),
    ] = None
    prompt_style: Annotated[
        str | None,
        _option(
            READING,
            "--prompt-style",
            help="reference, training or paper.",
            metavar="NAME",
            autocompletion=style_names,
        ),
    ] = None
    system: Annotated[
        str | None, _option(READING, "--system", help="System turn before the media.", metavar="TEXT")
    ] = None
    prompt_file: Annotated[
        Path | None, _option(READING, "--prompt-file", help="Your own prompt (TOML).", metavar="FILE")
    ] = None
    hint: Annotated[
        str,
        _option(
            READING,
            "--hint",
            help="Answer hint of the prompt, such as brief or yesno.",
            metavar="NAME",
            autocompletion=hint_names,
        ),
    ] = ""
    temp: Annotated[
        float,
        _option(READING, "--temp", help="Temperature; 0 takes the likeliest word.", min=0.0, callback=_finite),
    ] = 0.0
    top_p: Annotated[
        float,
        _option(
            READING, "--top-p", help="Keep the likeliest words up to this mass.", min=0.0, max=1.0, callback=_finite
        ),
    ] = 1.0
    seed: Annotated[
        int | None, _option(READING, "--seed", help="Seed of the sampler. Default: a fresh one.", min=0)
    ] = None
    max_tokens: Annotated[
        int | None, _option(READING, "--max-tokens", help="Most new tokens. Default: what fits, at most 1024.", min=1)
    ] = None


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Which pages and pictures of a file."""

    pages: Annotated[str | None, _option(PAGES, "--pages", help="Pages to read: 1,3-5,end", metavar="RANGES")] = None
    dpi: Annotated[
        int | None,
        _option(PAGES, "--dpi", help="Resolution of pages. Default: what the model can use.", min=1, max=2400),
    ] = None
    password: Annotated[str | None, _option(PAGES, "--password", help="Of an encrypted PDF.", metavar="TEXT")] = None
    all_frames: Annotated[
        bool, _option(PAGES, "--all-frames", help="Every picture of an animation, not only the first.")
    ] = False
    rotate: Annotated[
        int,
        _option(
            PAGES,
            "--rotate",
            help="Turn every picture clockwise: 90, 180 or 270 degrees.",
            callback=_quarter,
            metavar="DEGREES",
            autocompletion=among("90", "180", "270"),
        ),
    ] = 0


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Which frames of a clip."""

    frames: Annotated[
        int | None, _option(CLIPS, "--frames", help="Most frames to read. Default: 64, or what the model can.", min=1)
    ] = None
    fps: Annotated[
        float, _option(CLIPS, "--fps", help="Frames to take per second of the clip.", min=0.001, callback=_finite)
    ] = 1.0


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where answers go and what is said beside them."""

    json: Annotated[bool, _option(OUTPUT, "--json", help="One JSON object per answer and line.")] = False
    output: Annotated[
        str | None,
        _option(OUTPUT, "-o", "--output", help="Write answers to a file; - is standard output.", metavar="FILE"),
    ] = None
    force: Annotated[bool, _option(OUTPUT, "--force", help="Replace the output file if it exists.")] = False
    plan: Annotated[bool, _option(OUTPUT, "--plan", help="Say on stderr what will be computed, then go on.")] = False
    stats: Annotated[bool, _option(OUTPUT, "--stats", help="Say on stderr what it took.")] = False
    quiet: Annotated[bool, _option(OUTPUT, "-q", "--quiet", help="Only answers and errors.")] = False
    verbose: Annotated[
        int, _option(OUTPUT, "-v", "--verbose", help="Say more; -vv shows llama.cpp's own log.", count=True)
    ] = 0


def with_options(**groups: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command every option of some groups; it receives each group as one keyword argument of that name."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        hints = get_type_hints(command, include_extras=True)
        own = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        shared = [_parameter(group, field) for group in groups.values() for field in fields(group)]

        def run(**values: Any) -> Any:
            built = {
                name: group(**{f.name: values.pop(f.name) for f in fields(group)}) for name, group in groups.items()
            }
            return command(**values, **built)

        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
        return run

    return decorate


def _parameter(group: type, field: Any) -> inspect.Parameter:
    annotation = get_type_hints(group, include_extras=True)[field.name]
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
