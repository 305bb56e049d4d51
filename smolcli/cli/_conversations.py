"""--messages FILE: conversations given as JSON or JSON Lines, read as they are needed, planned or asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from smolcli.delivery import Delivery, refuse_beside, refuse_inputs, text_output
from smolcli.formats import PLAIN, add_hashes, plan_record, to_json
from smolcli.jobs import Failure, Look, Words
from smolcli.prompt import load_prompt
from smolcli.run import OpenFiles, RequestPlan
from smolcli.session import Run
from smolcli.verbs import (
    ParsedConversation,
    Unread,
    View,
    converse,
    outline_conversation,
    parse_cases,
    parse_conversation,
    read_cases,
)


def plan_conversations(run: Run, path: Path, hashes: bool) -> None:
    """One JSON line per case of the file."""
    with ExitStack() as stack:
        target = stack.enter_context(text_output(run.output, [str(path)]))
        cases = _parsed(run, read_cases(path))
        planner = stack.enter_context(run.planner())
        files = stack.enter_context(closing(OpenFiles(planner.facts, planner.context_tokens)))
        view, said = View(planner.facts, files, _look(run), hashes), set[str]()
        for case in cases:
            conversation = outline_conversation(case, view)
            record: dict[str, Any] = {"name": conversation.name} if conversation.name else {}
            sequence = planner.tokens(conversation.turns, conversation.generate)
            plan = RequestPlan(conversation.media, sequence, planner.context_tokens)
            run.console.note(*(note for note in conversation.warnings if note not in said))
            said.update(conversation.warnings)
            record |= plan_record(run.shown_plan(planner, plan))
            if hashes:
                add_hashes(record["media"], conversation.pictures)
            target.write(to_json(record) + "\n")


def ask_conversations(run: Run, path: Path) -> None:
    """One answer, or failure, per case of the file, in order. Raises UsageError."""
    refuse_beside(run.formats, "a conversation is not about one", "Leave it out.")
    with ExitStack() as stack:
        delivery = stack.enter_context(Delivery(run, [str(path)]))
        cases = read_cases(path)
        reader = stack.enter_context(run.reader())
        sampling = run.sampling(run.prompt("ask", reader.facts))
        jobs = converse(reader.files, _not_written(run, parse_cases(cases, _words(run))), _look(run), sampling)
        delivery.write(reader, reader.stream(jobs), lambda expected: PLAIN)


def _not_written(run: Run, cases: Iterable[ParsedConversation | Failure]) -> Iterator[ParsedConversation | Failure]:
    """Raises UsageError for a case with a file that is to be written."""
    for case in cases:
        if not isinstance(case, Failure):
            refuse_inputs(run.output.output, list(case.files))
        yield case


def _parsed(run: Run, cases: Iterable[Mapping[str, Any] | Unread]) -> Iterator[ParsedConversation]:
    """Raises UsageError for the first that is no conversation, or has a file that is to be written."""
    for case in cases:
        if isinstance(case, Unread):
            raise case.error
        found = parse_conversation(case, _words(run))
        refuse_inputs(run.output.output, list(found.files))
        yield found


def _words(run: Run) -> Words:
    """The conversation is the user's own; only what stands around frames comes from us, as transformers writes it."""
    words: Words = load_prompt("video", run.reading.prompt_style or "reference").words
    return words


def _look(run: Run) -> Look:
    return run.look(run.reading.detail or "high")
