"""Events of a run in; answers out to stdout or a file, everything else to stderr; a sum at the end."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from smolcli.cli._outputs import refuse_inputs, wanted_beside, wanted_outputs
from smolcli.cli._shown import NONE, Shown, refuse_a_second_input
from smolcli.console import Progress, interruptible, is_terminal, say
from smolcli.datatypes import Encoded, Piece
from smolcli.errors import SmolError, SomeInputsFailedError
from smolcli.formats import PLAIN, Allowed, Form, Outputs, Sidecars, answer_sentence, failure_sentence
from smolcli.jobs import Answer, Expected, Failure
from smolcli.reader import Reader
from smolcli.run import Event, Idle, Planned, Thumbnails
from smolcli.session import Run
from smolcli.settings import load_settings
from smolcli.speeds import Took, peak_rss_bytes, remember, stats_lines

__all__ = ["PLAIN", "Delivery", "Form"]


class InterruptedRunError(SmolError):
    """Ctrl-C, TERM or HUP: what was answered until then is on standard output, and in the store."""

    def __init__(self, number: int) -> None:
        super().__init__("")
        self.exit_code = 128 + number


class Delivery:
    """Writes the answers of one run to stdout or files as they come, and sums the run up.

    inputs: the files and folders that are read, which are never written. pages: the command reads whole pages, which
    more formats can show; shown: what else it can write, and where that is to go. formats: the names of those that are
    asked for; joined: of those in which all inputs come out together. Raises UsageError, OutputError.
    """

    def __init__(self, run: Run, inputs: Sequence[str] = (), pages: bool = False, shown: Shown = NONE) -> None:
        self._run = run
        allowed = Allowed(pages, clips=shown.clips)
        refuse_inputs([*(run.output.output or ()), *shown.paths], inputs)
        beside = wanted_beside(run.output, run.formats, inputs, allowed)
        self._sidecars = None if beside is None else Sidecars(beside, self._fail_to_write, run.console.note)
        wanted = wanted_outputs(run.output, run.formats, allowed, shown.wanted(allowed))
        refuse_a_second_input(wanted, inputs)
        self.joined = {each.format.name for each in wanted if each.format is not None}
        self.formats = self.joined | {each.format.name for each in (beside.sidecars if beside else ())}
        self._outputs = Outputs(wanted, run.output.force)
        self._progress = Progress(run.output.quiet, visible=self._outputs.on_stdout and is_terminal(sys.stdout))
        self._stream_pieces = is_terminal(sys.stdout) and run.parallel == 1
        self._took = Took()
        self._expected = self._failed = self._unwritten = 0
        self._first_code = 0  # the exit code of the first failure
        self._last_failure = ("", "")  # its place and its sentence
        self._said: set[str] = set()  # warnings
        self._chosen: Form | None = None
        self._pictures: Thumbnails | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing of a run that broke off, but the files about inputs that were read to their end."""
        self._stack.close()
        self._outputs.discard()
        if self._sidecars is not None:
            self._sidecars.discard()

    def write(self, reader: Reader, events: Generator[Event], form: Callable[[int], Form]) -> None:
        """Write every answer. form: how, by how many answers are expected when the first one comes.

        Raises SomeInputsFailedError.
        """
        start, ending = time.perf_counter(), False
        look, access = self._run.look("auto"), self._run.access()
        self._pictures = self._stack.enter_context(Thumbnails(reader.files, look, access, self._run.console.note))
        try:
            with closing(events), interruptible() as interrupt:  # closed before the engine is
                for event in events:
                    interrupt.answering |= not isinstance(event, Expected)
                    interrupt.answering &= not isinstance(event, Idle)
                    self._take(event, reader, form)
                    if isinstance(event, Answer | Failure) and interrupt.asked and not ending:
                        ending = True  # thrown in there, so that answers which wait for their turn are kept
                        self._take(events.throw(InterruptedRunError(interrupt.asked)), reader, form)
        except BaseException as error:
            self._outputs.broke_off()
            if isinstance(error, InterruptedRunError | KeyboardInterrupt):
                self._say_what_is_kept()
            raise
        finally:
            self._progress.close()
            self._sum_up(reader, time.perf_counter() - start)
        if self._sidecars is not None:
            self._sidecars.finish()
        self._outputs.finish()
        self._raise_failures(form(self._expected).questions)

    def _take(self, event: Event, reader: Reader, form: Callable[[int], Form]) -> None:
        if isinstance(event, Expected):
            self.notes(event.notes)
            self._expected += event.answers
            self._progress.expect(event.answers)
        elif isinstance(event, Planned):
            self.notes(event.plan.notes)
            self._run.show_plan(reader.facts, event.plan)
        elif isinstance(event, Encoded):
            self._progress.tile(event.done, event.total)
        elif isinstance(event, Piece):
            if self._stream_pieces:
                self._outputs.piece(event.text, self._form(form))
        elif isinstance(event, Answer):
            self._took.add(event.generation, event.cached)
            self._outputs.answer(event, self._form(form))
            self._write_beside(event, self._form(form))
            self.notes(event.warnings)
            self._run.console.detail(answer_sentence(event))
            self._progress.advance()
        elif isinstance(event, Failure):
            self._fail(event, self._form(form))

    def _fail(self, failure: Failure, form: Form) -> None:
        """A sentence, once for all questions about the same place; a record where the format has them."""
        self._progress.advance()
        sentence = failure_sentence(failure)
        written = self._outputs.failure(failure, form)
        self._write_beside(failure, form)
        sys.stderr.write(failure.traceback)
        if (failure.place, sentence) != self._last_failure:
            self._failed += 1
            if not written:
                say(sentence)
        self._last_failure = failure.place, sentence
        self._first_code = self._first_code or failure.exit_code

    def _write_beside(self, event: Answer | Failure, form: Form) -> None:
        if self._sidecars is not None:
            self._sidecars.take(event, form)

    def _fail_to_write(self, failure: Failure) -> None:
        """The files about one input: what was answered about it is in the other outputs all the same."""
        say(failure_sentence(failure))
        self._unwritten += 1
        self._first_code = self._first_code or failure.exit_code

    def notes(self, notes: Sequence[str]) -> None:
        """Sentences for the user, each said once."""
        self._run.console.note(*(note for note in dict.fromkeys(notes) if note not in self._said))
        self._said.update(notes)

    def _say_what_is_kept(self) -> None:
        """Of a run that was interrupted there are no files but those about inputs that were read to their end."""
        files = self._outputs.files
        said = [f"{', '.join(files)} {'is' if len(files) == 1 else 'are'} not written"] if files else []
        if self._sidecars is not None:
            said.append(f"inputs whose files are written: {self._sidecars.written}")
        if said and self._took.answers and self._run.keeps_answers:
            said.append("what was finished is kept: type the same again to go on")
        if said:
            say("; ".join(said))

    def _form(self, form: Callable[[int], Form]) -> Form:
        """That of the first event, for the whole run, with the pictures that some formats show."""
        if self._chosen is None:
            self._chosen = form(self._expected)
            if (shown := self._pictures) is not None:
                self._chosen = replace(self._chosen, pictures=shown.shown, duration_s=shown.duration_s)
        return self._chosen

    def _sum_up(self, reader: Reader, wall_s: float) -> None:
        if not self._took.answers:
            return
        if self._run.output.stats:
            times_s = reader.load_s, wall_s
            for line in stats_lines(self._took, times_s, peak_rss_bytes(), reader.facts.tokens_per_tile):
                say(line)
        if self._run.parallel == 1 and not self._run.cluster.cluster:
            remember(load_settings().state_dir, self._run.speed_key(reader.facts), reader.load_s, self._took)

    def _raise_failures(self, questions: int) -> None:
        if not self._failed + self._unwritten:
            return
        failed, inputs = self._failed + self._unwritten, self._failed + math.ceil(self._took.answers / questions)
        error = SomeInputsFailedError(f"{failed} of {max(inputs, failed)} inputs failed." if inputs > 1 else "")
        nowhere = self._sidecars is not None and not self._sidecars.written and not self._outputs.there
        if not self._took.answers or nowhere:
            error.exit_code = self._first_code
        raise error
