"""--messages FILE: conversations given as JSON, planned or asked, one JSON line each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from smolcli.cli._plans import add_hashes, plan_record
from smolcli.cli._session import Delivery, Run, media_options, style_for, text_output
from smolcli.datatypes import Request
from smolcli.engine import Planner
from smolcli.options import ClipOptions, PageOptions, ReadingOptions
from smolcli.output import to_json
from smolcli.prompt import load_prompt
from smolcli.tasks.answering import Asked, ask_engine
from smolcli.tasks.messages import Conversation, Reader, build, read_cases
from smolcli.tasks.planning import RequestPlan, geometry
from smolcli.tasks.video import frame_budget
from smolcli.tiles import parse_detail

FileOptions = tuple[ReadingOptions, PageOptions, ClipOptions]


def plan_conversations(run: Run, path: Path, options: FileOptions, hashes: bool) -> None:
    """One JSON line per case of the file."""
    with ExitStack() as stack:
        target = stack.enter_context(text_output(run.output))
        cases = read_cases(path)
        planner = stack.enter_context(run.planner())
        reader = _reader(planner, options)
        for case in cases:
            conversation = build(case, reader, render=hashes)
            record: dict[str, Any] = {"name": conversation.name} if conversation.name else {}
            plan = _plan(planner, conversation)
            run.notes(conversation.warnings)
            record |= plan_record(planner.facts, plan, run.speeds(planner.facts))
            if hashes:
                add_hashes(record["media"], conversation.pictures)
            target.write(to_json(record) + "\n")


def ask_conversations(run: Run, path: Path, options: FileOptions) -> None:
    """One answer per case of the file, in order. Raises DoesNotFitError before anything is encoded."""
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run))
        cases = read_cases(path)
        engine = stack.enter_context(run.engine())
        reader = _reader(engine, options)
        style = style_for("ask", options[0], engine.facts)
        for case in cases:  # planned first, without pixels: a case that cannot be asked costs the others nothing
            conversation = build(case, reader, render=False)
            plan = _plan(engine, conversation)
            delivery.notes(conversation.warnings)
            run.show_plan(engine.facts, plan)
            plan.require_fit()

        def asked() -> Iterator[Asked]:
            for key, case in enumerate(cases):
                start = time.perf_counter()
                conversation = build(case, reader, render=True)
                places = tuple(outline.place for medium in conversation.media for outline in medium.outlines)
                wish = Request(key, conversation.turns, style.sampling)
                name, spent_s = conversation.name or "messages", time.perf_counter() - start
                yield Asked(wish, name, conversation.question, places, conversation.warnings, spent_s)

        delivery.write(engine, ask_engine(engine, asked()), len(cases))


def _reader(planner: Planner, options: FileOptions) -> Reader:
    reading, pages, clips = options
    budget = frame_budget(planner.facts, clips.frames)
    files = replace(media_options(pages, planner.facts), max_frames=budget.frames, fps=clips.fps)
    # The conversation is the user's own; only what stands around frames comes from us, as transformers writes it.
    prompt = load_prompt("video", reading.prompt_style or "reference")
    shape, detail = geometry(planner.facts), parse_detail(reading.detail or "high")
    return Reader(shape, detail, files, prompt, clips.frames, budget)


def _plan(planner: Planner, conversation: Conversation) -> RequestPlan:
    sequence = planner.tokens(conversation.turns, conversation.generate)
    return RequestPlan(conversation.media, sequence, planner.context_tokens)
