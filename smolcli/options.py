"""Every option that commands share, once: the command line, the settings' table and docs/cli.md are read off it.

A group is a frozen dataclass; a field of it is an option, its type and default those of the field, all else an `Option`
in the field's metadata. `--max-tokens` is the field `max_tokens`.
"""

# No `from __future__ import annotations` here: the types of fields are read while the program runs, as they are.

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from smolcli.errors import UsageError

_KEY = "option"
_MOST_DIGITS = 9  # of a number that stands for a word
_WHOLE = re.compile("-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Option:
    """What there is to say of an option beside its name, type and default.

    help: a whole sentence. short: its one-letter flag. metavar: what stands for its value; a flag has none.
    minimum, maximum: of a number; a minimum that is a float lets it have decimals. choices: the words or numbers that
    it can be; a minimum beside them lets a text be a whole number as well. default_text: what takes effect where it is
    not given, if the default does not say it. setting: it can be set outside the command line too. completion: the
    function of cli/_completion.py that knows its values, where they are no choices. count: it may be given again and
    again (-vv).
    """

    help: str
    short: str = ""
    metavar: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()
    default_text: str = ""
    setting: bool = False
    completion: str = ""
    count: bool = False

    @property
    def sentence(self) -> str:
        """The help with what the option can be: "Threads to compute with. [1 to 512]"."""
        if self.choices:
            number = ["a number"] if self.minimum is not None else []
            *most, last = [*map(str, self.choices), *number]
            return f"{self.help} [{', '.join(most)} or {last}]"
        return self.help if self.maximum is None else f"{self.help} [{self._range}]"

    def checked(self, value: Any, named: str) -> Any:
        """The value, or what a text says, as the program knows it: numbers, and words in small letters.

        `named` is what the user has written for it, such as "--threads". Raises UsageError for a value that the option
        cannot have.
        """
        if value is None or not self.allowed:
            return value
        known = self._parsed(value)
        if known in self.choices or self._in_range(known):
            return known
        raise UsageError(f"{named} is {value!r}.", f"It must be {self.allowed}.")

    @property
    def allowed(self) -> str:
        """What the option can be, for an error: "a whole number, 1 to 512"; empty where all is allowed."""
        whole = "" if isinstance(self.minimum, float) else "whole "
        number = f"a {whole}number, {self._range}" if self.minimum is not None else ""
        words = f"one of {', '.join(map(str, self.choices))}" if self.choices else ""
        return ", or ".join(filter(None, (words, number)))

    @property
    def _range(self) -> str:
        return f"{self.minimum:g} or more" if self.maximum is None else f"{self.minimum:g} to {self.maximum:g}"

    def _parsed(self, value: Any) -> Any:
        """A number or a word; None for a text that is no number where it should be one."""
        if not isinstance(value, str):
            return value
        word = value.strip().lower()
        if self.choices and isinstance(self.choices[0], str):
            return word
        return _number(word, whole=not isinstance(self.minimum, float))

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, str):
            value = _number(value, whole=True) if len(value) <= _MOST_DIGITS else None
        if value is None or self.minimum is None or not self.minimum <= value:  # nan is not
            return False
        return bool(value < math.inf if self.maximum is None else value <= self.maximum)


def _number(text: str, *, whole: bool) -> float | None:
    try:
        return (int(text) if _WHOLE.fullmatch(text) else None) if whole else float(text)
    except ValueError:  # no number, or one of thousands of digits
        return None


def option(default: Any, about: Option) -> Any:
    """A field of a group of options."""
    return field(default=default, metadata={_KEY: about})


def options_of(group: type) -> Mapping[str, Option]:
    """Field name → option, in the order of the group."""
    return {each.name: each.metadata[_KEY] for each in fields(group)}


def with_default(sentence: str, default: str) -> str:
    """A help text that says what takes effect where the option is not given: "… [1 to 512; default: 4]"."""
    if not default:
        return sentence
    return f"{sentence[:-1]}; default: {default}]" if sentence.endswith("]") else f"{sentence} [default: {default}]"


def default_text(default: Any) -> str:
    """A default as help shows it; nothing for what is off or empty."""
    if default is None or default is False or default == "":
        return ""
    if default is True:
        return "true"
    return f"{default:g}" if isinstance(default, float) else str(default)


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
        Option("Where to compute.", metavar="NAME", choices=("auto", "cpu", "cuda", "metal", "vulkan"), setting=True),
    )
    gpu_layers: int | None = option(
        None, Option("Layers on the GPU.", metavar="N", minimum=0, default_text="all", setting=True)
    )
    context: int | None = option(
        None,
        Option("Tokens per conversation.", metavar="N", minimum=1, default_text="the model's own", setting=True),
    )
    parallel: int | None = option(
        None,
        Option(
            "Answers written at the same time.",
            metavar="N",
            minimum=1,
            maximum=64,
            default_text="1, captions 4",
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
    prompt_file: Path | None = option(None, Option("Your own prompt, a TOML file.", metavar="FILE"))
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
class PageOptions:
    """Which pages and pictures of a file."""

    panel: ClassVar[str] = "Pages"

    pages: str | None = option(None, Option("Pages to read, such as 1,3-5,end.", metavar="RANGES", default_text="all"))
    dpi: int | None = option(
        None,
        Option("Resolution of pages.", metavar="N", minimum=1, maximum=2400, default_text="what the model can use"),
    )
    password: str | None = option(None, Option("Password of an encrypted PDF.", metavar="TEXT"))
    all_frames: bool = option(False, Option("Every picture of an animation, not only the first."))
    rotate: int = option(
        0, Option("Degrees to turn every picture by, clockwise.", metavar="DEGREES", choices=(0, 90, 180, 270))
    )


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Which frames of a clip."""

    panel: ClassVar[str] = "Clips"

    frames: int | None = option(
        None, Option("Most frames to read.", metavar="N", minimum=1, default_text="64, or what the model can")
    )
    fps: float = option(1.0, Option("Frames to take per second of the clip.", metavar="X", minimum=0.001))


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


GROUPS: tuple[type, ...] = (ModelOptions, ReadingOptions, PageOptions, ClipOptions, FormatOptions, OutputOptions)
