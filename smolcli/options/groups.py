"""The options that commands share, by groups.

A group is a frozen dataclass; a field of it is an option, its type and default those of the field, all else an `Option`
in the field's metadata. `--max-tokens` is the field `max_tokens`.
"""

# No `from __future__ import annotations` here: the types of fields are read while the program runs, as they are.

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from smolcli.options.clips import ClipOptions, WindowOptions
from smolcli.options.documents import DocumentOptions, LayoutOptions, PageOptions
from smolcli.options.folders import InputOptions, KeepingOptions
from smolcli.options.option import Option, option
from smolcli.options.shown import ClipOutputOptions


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model, and how it is run."""

    panel: ClassVar[str] = "Model"

    model: str | None = option(
        None,
        Option(
            "Model to read with: a name (smol models), a GGUF file, a folder or a Hub id.",
            short="-m",
            metavar="MODEL",
            default_text="the built-in model",
            setting=True,
            completion="model_names",
        ),
    )
    mmproj: str | None = option(
        None, Option("The model's vision projector.", metavar="FILE", default_text="the one beside it")
    )
    threads: int | None = option(
        None,
        Option(
            "Threads to compute with.", metavar="N", minimum=1, maximum=512, default_text="physical cores", setting=True
        ),
    )
    device: str = option(
        "auto",
        Option(
            "Where to compute; cuda:1 is the second of several cards.",
            metavar="NAME",
            choices=("auto", "cpu", "cuda", "metal", "vulkan"),
            numbered=("cuda", "metal", "vulkan"),
            setting=True,
        ),
    )
    gpu_layers: int | None = option(
        None, Option("Layers on the GPU; 0 keeps all off it.", metavar="N", minimum=0, default_text="all", setting=True)
    )
    towers: int | None = option(
        None,
        Option(
            "Tiles encoded at the same time.",
            metavar="N",
            minimum=1,
            maximum=16,
            default_text="1, on a GPU as many as pay",
            setting=True,
        ),
    )
    batch_rows: int | None = option(
        None,
        Option(
            "Tokens that are read in one pass.",
            metavar="N",
            minimum=32,
            maximum=8192,
            default_text="512, on a GPU 2048",
            setting=True,
        ),
    )
    kv_type: str | None = option(
        None,
        Option(
            "Type of the keys and values of what was read; others than f16 may change an answer.",
            metavar="TYPE",
            choices=("f16", "bf16", "q8_0"),
            default_text="f16",
            setting=True,
        ),
    )
    context: int | None = option(
        None,
        Option("Tokens per conversation.", metavar="N", minimum=1, default_text="the model's own", setting=True),
    )
    parallel: str | None = option(
        None,
        Option(
            "Answers written at the same time, up to 256; auto: as many as memory holds, on a GPU 64, on a CPU 8.",
            metavar="N",
            choices=("auto",),
            minimum=1,
            maximum=256,
            default_text="1, captions and pages auto",
            setting=True,
        ),
    )
    no_store: bool = option(False, Option("Neither use nor keep what is computed (smol cache)."))
    fresh: bool = option(False, Option("Compute all anew, and keep that."))
    page_timeout: float | None = option(
        None,
        Option("Most seconds for one page, picture or clip; then it has failed.", metavar="SECONDS", minimum=0.001),
    )
    fail_fast: bool = option(False, Option("End with the first input that fails."))


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """On which machines it is run."""

    panel: ClassVar[str] = "Model"

    cluster: str | None = option(
        None,
        Option(
            "Read on a Ray cluster: its HOST:PORT, or local:2 for two processes here (docs/cluster.md).",
            metavar="ADDRESS",
            default_text="this process",
        ),
    )


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How to look, how to ask, how to choose words."""

    panel: ClassVar[str] = "Reading"

    detail: str | None = option(
        None,
        Option(
            "How finely pictures are cut; a number is the most tiles.",
            metavar="LEVEL",
            choices=("auto", "low", "native", "high"),
            minimum=1,
            default_text="the prompt's own",
            setting=True,
        ),
    )
    prompt_style: str | None = option(
        None,
        Option(
            "What stands around media in a prompt.",
            metavar="NAME",
            choices=("paper", "reference", "training"),
            default_text="the model family's own",
            setting=True,
        ),
    )
    system: str | None = option(None, Option("System turn before the media.", metavar="TEXT"))
    prompt: str | None = option(
        None, Option("Another prompt, by its name (smol prompts).", metavar="NAME", completion="prompt_names")
    )
    prompt_file: Path | None = option(
        None, Option("Your own prompt, a TOML file; the picture's name and EXIF can be filled in.", metavar="FILE")
    )
    hint: str = option(
        "",
        Option("Answer hint of the prompt, such as brief or yesno.", metavar="NAME", completion="hint_names"),
    )
    temp: float = option(0.0, Option("Temperature; 0 takes the likeliest word.", metavar="X", minimum=0.0))
    top_p: float = option(
        1.0, Option("Keep the likeliest words up to this mass.", metavar="X", minimum=0.0, maximum=1.0)
    )
    seed: int | None = option(None, Option("Seed of the sampler.", metavar="N", minimum=0, default_text="a fresh one"))
    max_tokens: int | None = option(
        None, Option("Most new tokens.", metavar="N", minimum=1, default_text="what fits, at most 1024")
    )


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What answers are held to."""

    panel: ClassVar[str] = "Answers"

    schema: Path | None = option(
        None, Option("A JSON Schema of what is looked for: the answer is one JSON object.", metavar="FILE")
    )
    fields: str | None = option(
        None, Option("The same, short: total,date or total:number,date:date,paid:bool.", metavar="NAMES")
    )
    choices: str | None = option(
        None, Option("The answer is one of these words, with how likely each is.", metavar="A,B,...")
    )


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where answers go and what is said beside them."""

    panel: ClassVar[str] = "Output"

    json: bool = option(False, Option("One JSON object per answer and line."))
    output: list[str] | None = option(
        None,
        Option(
            "Write to a file, whole or not at all (again and again); - is standard output.", short="-o", metavar="FILE"
        ),
    )
    force: bool = option(False, Option("Replace output files that exist."))
    plan: bool = option(False, Option("Say on stderr what will be computed, then go on."))
    stats: bool = option(False, Option("Say on stderr what it took."))
    quiet: bool = option(False, Option("Only answers and errors.", short="-q"))
    verbose: int = option(0, Option("Say more; -vv shows llama.cpp's own log.", short="-v", count=True))


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What answers are written as."""

    panel: ClassVar[str] = "Output"

    format: str | None = option(
        None,
        Option(
            "Format of the answers: text, tsv, csv, jsonl and more.",
            short="-f",
            metavar="FORMAT",
            default_text="what the name of the file ends in",
            completion="format_names",
        ),
    )
    sidecar: str | None = option(
        None,
        Option(
            "Write a file beside each input, photo.txt for photo.jpg.", metavar="FORMAT,...", completion="format_names"
        ),
    )
    output_dir: Path | None = option(
        None, Option("Write a file for each input here, in the tree of its folder.", metavar="DIR")
    )

    @property
    def beside(self) -> bool:
        """Whether a file is written for each input."""
        return self.sidecar is not None or self.output_dir is not None


GROUPS: tuple[type, ...] = (
    ModelOptions,
    ClusterOptions,
    ReadingOptions,
    AnswerOptions,
    DocumentOptions,
    PageOptions,
    LayoutOptions,
    ClipOptions,
    WindowOptions,
    InputOptions,
    KeepingOptions,
    FormatOptions,
    ClipOutputOptions,
    OutputOptions,
)
