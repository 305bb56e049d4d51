"""Every option that commands share, once: the command line, the settings' table and docs/cli.md are read off it."""

from __future__ import annotations

from smolcli.options.folders import InputOptions
from smolcli.options.groups import (
    GROUPS,
    AnswerOptions,
    ClipOptions,
    DocumentOptions,
    FormatOptions,
    LayoutOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
)
from smolcli.options.option import Option, default_text, option, options_of, with_default

__all__ = [
    "GROUPS",
    "AnswerOptions",
    "ClipOptions",
    "DocumentOptions",
    "FormatOptions",
    "InputOptions",
    "LayoutOptions",
    "ModelOptions",
    "Option",
    "OutputOptions",
    "PageOptions",
    "ReadingOptions",
    "default_text",
    "option",
    "options_of",
    "with_default",
]
