"""Which windows of clips are looked at, in options; how clips and cameras are watched out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smolcli.options import ReadingOptions, WindowOptions

if TYPE_CHECKING:
    from smolcli.media import LiveOptions
    from smolcli.media import WindowOptions as Wanted
    from smolcli.reader import Reader
    from smolcli.session.run import Run
    from smolcli.verbs import Merging, Watching

EVERY_S = 10.0  # between two windows of a camera, where nobody says


def watching(run: Run, reader: Reader, options: WindowOptions, asked: bool) -> Watching:
    """How clips are watched, and with what this model is known to say. Raises UsageError (times)."""
    from smolcli.media import scenes_of, windows_of
    from smolcli.verbs import Watching

    wanted, parts = _wanted(run, reader, options), scenes_of if options.scenes else windows_of
    known, answers = run.known_clips(), run.known_answers()
    prompt = replace(run, reading=ReadingOptions()).prompt("video", reader.facts)
    return Watching(
        windows=lambda media: parts(media, wanted),
        asked=asked,
        merging=None if known.joins else _merging(run, reader),
        joins=known.joins,
        relevance=known.relevance or "{question}" + prompt.hints["relevance"],
        top=None if options.all else options.windows,
        least=answers.least,
        refusals=answers.refusals,
    )


def live_options(run: Run, reader: Reader, options: WindowOptions) -> LiveOptions:
    """How a camera is watched. Raises UsageError for what says nothing to what has no end."""
    from smolcli.errors import UsageError
    from smolcli.media import LiveOptions, parse_length

    given = [f"--{name}" for name in ("start", "end", "scenes", "all") if getattr(options, name)]
    if given:
        raise UsageError(f"{given[0]} is for clips, not for what goes on.", "Choose windows with --every 10s.")
    every_s = EVERY_S if options.every is None else parse_length(options.every, "--every")
    most = min(run.clips.frames or reader.facts.max_frames, reader.facts.max_frames)
    return LiveOptions(every_s=every_s, fps=run.clips.fps, most=most, say=run.console.note)


def _wanted(run: Run, reader: Reader, options: WindowOptions) -> Wanted:
    """Raises UsageError (times; two ways to cut a clip)."""
    from smolcli.errors import UsageError
    from smolcli.media import WindowOptions as Wanted
    from smolcli.media import parse_length, parse_moment

    if options.scenes and options.every is not None:
        raise UsageError("--scenes and --every cut a clip in two ways.", "Give one of them.")
    if options.scenes and run.clips.frames is not None:
        raise UsageError("--frames makes one window of a clip, --scenes many.", "Give one of them.")
    return Wanted(
        0.0 if options.start is None else parse_moment(options.start, "--start"),
        None if options.end is None else parse_moment(options.end, "--end"),
        None if options.every is None else parse_length(options.every, "--every"),
        _longest_s(run, reader),
    )


def _longest_s(run: Run, reader: Reader) -> float | None:
    """How long a window may be: as the paper found, or as long as the frames last that a model was trained on.

    None where all of a clip is one: --frames says how many of it are read.
    """
    from smolcli.media import LONGEST_S
    from smolcli.run import REFERENCE_FRAMES

    if run.clips.frames is not None:
        return None
    most = reader.facts.max_frames
    return LONGEST_S if most >= REFERENCE_FRAMES else min(LONGEST_S, most / run.clips.fps)


def _merging(run: Run, reader: Reader) -> Merging:
    """How the descriptions of windows become one: by the same model, in its own words."""
    from smolcli.run import has_room
    from smolcli.verbs import Merging

    prompt = replace(run, reading=ReadingOptions()).prompt("merge", reader.facts)
    template = run.template(prompt, [])
    question = replace(template.questions[0], text=prompt.default_question, hint="")
    return Merging(
        question, template.sampling, lambda asked: has_room(reader.planner, asked, template.sampling.max_tokens)
    )
