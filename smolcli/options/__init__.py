"""Every option that commands share, once: the command line, the settings' table and docs/cli.md are read off it."""

from __future__ import annotations

from smolcli.options.folders import InputOptions, KeepingOptions
from smolcli.options.groups import (
    GROUPS,
    AnswerOptions,
    ClipOptions,
    ClusterOptions,
    DocumentOptions,
    FormatOptions,
    LayoutOptions,
    ModelOptions,
    OutputOptions,
    PageOptions,
    ReadingOptions,
    WindowOptions,
)
from smolcli.options.option import Option, default_text, option, options_of, with_default
from smolcli.options.shown import ClipOutputOptions

__all__ = [
    "GROUPS",
    "AnswerOptions",
    "ClipOptions",
    "ClipOutputOptions",
    "ClusterOptions",
    "DocumentOptions",
    "FormatOptions",
    "InputOptions",
    "KeepingOptions",
    "LayoutOptions",
    "ModelOptions",
    "Option",
    "OutputOptions",
    "PageOptions",
    "ReadingOptions",
    "WindowOptions",
    "default_text",
    "option",
    "options_of",
    "with_default",
]
