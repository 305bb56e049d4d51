"""One job in, its one answer out, for commands that say it in their own way: what is said beside it is said here."""

from __future__ import annotations

import time
from collections.abc import Iterable

from smolcli.console import say
from smolcli.errors import SomeInputsFailedError
from smolcli.files import Target
from smolcli.formats import failure_record, failure_sentence, to_json
from smolcli.jobs import Answer, Failure
from smolcli.reader import Reader
from smolcli.run import Item, Planned
from smolcli.session import Run
from smolcli.speeds import Took, peak_rss_bytes, stats_lines


def single_answer(run: Run, reader: Reader, jobs: Iterable[Item], target: Target) -> Answer:
    """What the one job came to. Raises SomeInputsFailedError, with the exit code of its failure, which was said.

    target: where that is a record, with --json.
    """
    began_s = time.perf_counter()
    for event in reader.stream(jobs):
        if isinstance(event, Planned):
            run.show_plan(reader.planner, event.plan)
        elif isinstance(event, Failure):
            if run.output.json:
                target.write(to_json(failure_record(event)) + "\n")
                target.commit()
            else:
                say(failure_sentence(event))
            error = SomeInputsFailedError("")
            error.exit_code = event.exit_code
            raise error
        elif isinstance(event, Answer):
            if run.output.stats:
                took = Took()
                took.add(event.generation, event.cached)
                say_stats(took, reader, time.perf_counter() - began_s)
            return event
    raise AssertionError("a job came to nothing")


def say_stats(took: Took, reader: Reader, wall_s: float) -> None:
    """--stats: what answers took, on stderr. wall_s: seconds since the first of them was asked."""
    for line in stats_lines(took, (reader.load_s, wall_s), peak_rss_bytes(), reader.facts.tokens_per_tile):
        say(line)
