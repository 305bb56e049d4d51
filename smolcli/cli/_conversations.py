"""--messages FILE: conversations given as JSON or JSON Lines, planned or asked, one JSON line each."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from smolcli.cli._delivery import PLAIN, Delivery
from smolcli.cli._outputs import refuse_beside, text_output
from smolcli.formats import add_hashes, plan_record, to_json
from smolcli.jobs import Look, Words
from smolcli.prompt import load_prompt
from smolcli.run import OpenFiles, RequestPlan
from smolcli.session import Run
from smolcli.verbs import ParsedConversation, View, converse, outline_conversation, parse_conversation, read_cases


def plan_conversations(run: Run, path: Path, hashes: bool) -> None:
    """One JSON line per case of the file."""
    with ExitStack() as stack:
        cases = _cases(run, path)
        target = stack.enter_context(text_output(run.output, [file for case in cases for file in case.files]))
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
            record |= plan_record(run.shown_plan(planner.facts, plan))
            if hashes:
                add_hashes(record["media"], conversation.pictures)
            target.write(to_json(record) + "\n")


def ask_conversations(run: Run, path: Path) -> None:
    """One answer per case of the file, in order. Raises UsageError."""
    refuse_beside(run.formats, "a conversation is not about one", "Leave it out.")
    with ExitStack() as stack:
        cases = _cases(run, path)
        inputs = [file for case in cases for file in case.files]
        delivery = stack.enter_context(Delivery(run, inputs))
        reader = stack.enter_context(run.reader())
        delivery.notes([warning for case in cases for warning in case.warnings])
        sampling = run.sampling(run.prompt("ask", reader.facts))
        jobs = converse(reader.files, cases, _look(run), sampling)
        delivery.write(reader, reader.stream(jobs), lambda expected: PLAIN)


def _cases(run: Run, path: Path) -> list[ParsedConversation]:
    """Every case, or an error before anything is read. Raises UsageError.

    The conversation is the user's own; only what stands around frames comes from us, as transformers writes it.
    """
    words: Words = load_prompt("video", run.reading.prompt_style or "reference").words
    return [parse_conversation(case, words) for case in read_cases(path)]


def _look(run: Run) -> Look:
    return run.look(run.reading.detail or "high")
