"""Events of a run in; answers out to stdout or a file, everything else to stderr; a sum at the end."""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

from smolcli import formats
from smolcli.console import BROKEN_OFF, Ending, Progress, interruptible, is_terminal, say
from smolcli.delivery.keeping import USUAL, failure_file, leaving, outputs_of, refuse_writing_into, written_into
from smolcli.delivery.shown import NONE, Shown, refuse_a_second_input
from smolcli.delivery.single import say_stats
from smolcli.delivery.wanted import refuse_inputs, wanted_beside
from smolcli.errors import SmolError, SomeInputsFailedError
from smolcli.formats import Allowed, Form, Outputs, answer_sentence, failure_sentence
from smolcli.generation import Encoded, Piece
from smolcli.jobs import Answer, Expected, Failure, Job, failure
from smolcli.options import KeepingOptions
from smolcli.rates import remember_rate
from smolcli.reader import Reader
from smolcli.run import Event, Idle, Item, Planned, Thumbnails
from smolcli.session import Run
from smolcli.settings import load_settings
from smolcli.speeds import Took, remember


class InterruptedRunError(SmolError):
    """Ctrl-C, TERM or HUP: what was answered until then is on standard output, and in the store."""

    def __init__(self, number: int) -> None:
        super().__init__("")
        self.exit_code = 128 + number


class Delivery:
    """Writes the answers of one run to stdout or files as they come, and sums the run up.

    inputs: the files and folders that are read, which are never written. pages: the command reads whole pages, which
    more formats can show; shown: what else it can write, and where that is to go. formats: the names of those that are
    asked for; joined: of those in which all inputs come out together. keeping: what becomes of what is there and of
    what fails, in commands that have such options. Raises UsageError, OutputError.
    """

    def __init__(
        self,
        run: Run,
        inputs: Sequence[str] = (),
        pages: bool = False,
        shown: Shown = NONE,
        keeping: KeepingOptions | None = None,
    ) -> None:
        self._run = run
        allowed = Allowed(pages, clips=shown.clips)
        refuse_inputs([*(run.output.output or ()), *shown.paths], inputs)
        one_each = not run.pages.all_frames
        beside = leaving(wanted_beside(run.output, run.formats, inputs, allowed), keeping, one_each)
        self._sidecars = None if beside is None else formats.Sidecars(beside, self._fail_to_write, run.console.note)
        self._keeping, self._many = keeping or USUAL, keeping is not None
        refuse_writing_into(self._keeping, run.pages, inputs)
        wanted = outputs_of(run, allowed, shown.wanted(allowed), self._keeping)
        self._failures = failure_file(self._keeping, inputs)
        self._tells = beside is not None and beside.tells and not wanted and not self._keeping.write_xmp
        refuse_a_second_input(wanted, inputs)
        self.joined = {each.format.name for each in wanted if each.format is not None}
        self.formats = self.joined | {each.format.name for each in (beside.sidecars if beside else ())}
        folder, force = shown.save_frames, run.output.force
        self._frames = None if folder is None else formats.SavedFrames(folder, inputs, force, run.console.note)
        self._outputs = Outputs(wanted, force)
        visible = self._outputs.on_stdout and is_terminal(sys.stdout)
        self._progress = Progress(run.output.quiet, visible, "images" if self._many else "answers")
        self._stream_pieces = is_terminal(sys.stdout) and run.parallel == 1
        self._took = Took()
        self._expected = self._failed = self._unwritten = self._described = 0
        self._first_code = 0  # the exit code of the first failure
        self._last_failure = ("", "")  # its place and its sentence
        self._said: set[str] = set()  # warnings
        self._written: set[str] = set()  # the sha256 of pictures that were written into
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
        if self._failures is not None:
            self._failures.discard()

    @property
    def is_finished(self) -> Callable[[str], bool] | None:
        """Whether a file need not be read, because what is written of it is there; None where nothing says so."""
        return self._sidecars.is_finished if self._sidecars is not None and self._tells else None

    def unsaid(self, jobs: Iterable[Item], model: str) -> Iterable[Item]:
        """All jobs but those whose answers, by a model of that name, stand in the file that is added to."""
        appended = self._outputs.appended
        if appended is None or self._sidecars is not None:
            return jobs
        return (Expected(-1) if isinstance(each, Job) and appended.has(each, model) else each for each in jobs)

    def is_ours(self, path: str) -> bool:
        """Whether a file is as this run wrote it (--write-xmp)."""
        if not self._written:
            return False
        with suppress(OSError), Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() in self._written
        return False

    def write(
        self, reader: Reader, events: Generator[Event], form: Callable[[int], Form], ending: Ending = BROKEN_OFF
    ) -> None:
        """Write every answer. form: how, by how many answers are expected when the first one comes; ending: what a
        signal does. Raises SomeInputsFailedError.
        """
        start, thrown = time.perf_counter(), False
        look, access = self._run.look("auto"), self._run.access()
        self._pictures = self._stack.enter_context(Thumbnails(reader.files, look, access, self._run.console.note))
        try:
            with closing(events), interruptible(ending.stop) as interrupt:  # closed before the engine is
                for event in events:
                    interrupt.answering |= not isinstance(event, Expected)
                    interrupt.answering &= not isinstance(event, Idle)
                    self._take(event, reader, form)
                    if isinstance(event, Answer | Failure | Idle) and interrupt.asked and not (thrown or ending.stop):
                        thrown = True  # thrown in there, so that answers which wait for their turn are kept
                        self._take(events.throw(InterruptedRunError(interrupt.asked)), reader, form)
        except BaseException as error:
            interrupted = isinstance(error, InterruptedRunError | KeyboardInterrupt)
            if not (ending.is_well and interrupted):
                self._outputs.broke_off()
                if interrupted:
                    self._say_what_is_kept()
                raise
        finally:
            self._progress.close()
            self._sum_up(reader, time.perf_counter() - start)
            if self._failures is not None:
                self._failures.commit()
        if self._sidecars is not None:
            self._sidecars.finish()
        self._outputs.finish()
        self._say_what_was_there()
        self._raise_failures(form(self._expected).questions)

    def _take(self, event: Event, reader: Reader, form: Callable[[int], Form]) -> None:
        if isinstance(event, Expected):
            self.notes(event.notes)
            self._expected += event.answers
            self._progress.expect(event.answers)
        elif isinstance(event, Planned):
            self.notes(event.plan.notes)
            self._run.show_plan(reader.planner, event.plan)
        elif isinstance(event, Encoded):
            self._progress.tile(event.done, event.total)
        elif isinstance(event, Piece):
            if self._stream_pieces:
                self._outputs.piece(event.text, self._form(form))
        elif isinstance(event, Answer):
            self._took.add(event.generation, event.cached)
            self._outputs.answer(event, self._form(form))
            self._write_beside(event, self._form(form))
            if self._frames is not None and self._pictures is not None:
                self._frames.take(event, self._pictures.picture)
            self._write_into(event, reader)
            self.notes(event.warnings)
            self._run.console.detail(answer_sentence(event))
            self._progress.advance()
        elif isinstance(event, Failure):
            self._fail(event, self._form(form))
        elif isinstance(event, Idle) and self._sidecars is not None:
            self._sidecars.idle()

    def _fail(self, failure: Failure, form: Form) -> None:
        """A sentence, once for all questions about the same place; a record where the format has them."""
        self._progress.advance(failed=True)
        sentence = failure_sentence(failure)
        written = self._outputs.failure(failure, form)
        self._write_beside(failure, form)
        sys.stderr.write(failure.traceback)
        if (failure.place, sentence) != self._last_failure:
            self._failed += 1
            if not written:
                say(sentence)
            if self._failures is not None:
                self._failures.add(failure)
        self._last_failure = failure.place, sentence
        self._first_code = self._first_code or failure.exit_code

    def _write_beside(self, event: Answer | Failure, form: Form) -> None:
        if self._sidecars is not None:
            self._sidecars.take(event, form)

    def _write_into(self, answer: Answer, reader: Reader) -> None:
        """--write-xmp: the answer goes into its picture, which is known to later runs as it is then."""
        if not self._keeping.write_xmp:
            return
        try:
            renewed = written_into(answer)
        except SmolError as error:
            self._fail_to_write(failure(answer.job.places[0].source.path, error))
            return
        self._described += 1
        if renewed is not None:
            reader.keep(renewed)
            self._written.add(renewed.job.places[0].source.sha256)

    def _fail_to_write(self, failure: Failure) -> None:
        """The files about one input: what was answered about it is in the other outputs all the same."""
        say(failure_sentence(failure))
        if self._failures is not None:
            self._failures.add(failure)
        self._unwritten += 1
        self._first_code = self._first_code or failure.exit_code

    def notes(self, notes: Sequence[str]) -> None:
        """Sentences for the user, each said once."""
        self._run.console.note(*(note for note in dict.fromkeys(notes) if note not in self._said))
        self._said.update(notes)

    @property
    def _there_before(self) -> int:
        """How many inputs and answers were not read or said, because that is done."""
        sidecars, appended = self._sidecars, self._outputs.appended
        return (sidecars.finished_before if sidecars else 0) + (appended.repeated if appended else 0)

    def _say_what_was_there(self) -> None:
        """What was not read, or not said, because it was there already."""
        note, appended = self._run.console.note, self._outputs.appended
        if self._sidecars is not None and (left := self._sidecars.finished_before):
            note(f"inputs whose files were there already, and stay: {left} (--overwrite reads them again)")
        if appended is not None and appended.repaired:
            note("half a line at the end of the output, as a run leaves it that was killed, was taken away")
        if appended is not None and appended.repeated:
            note(f"answers that stood in the output already, and are not said again: {appended.repeated}")
        if appended is not None and appended.otherwise:
            note(f"inputs that the output had only with other options or words, and has anew: {appended.otherwise}")

    def _say_what_is_kept(self) -> None:
        """Of a run that was interrupted there are no files but those about inputs that were read to their end."""
        files = self._outputs.files
        said = [f"{', '.join(files)} {'is' if len(files) == 1 else 'are'} not written"] if files else []
        if self._sidecars is not None:
            said.append(f"inputs whose files are written: {self._sidecars.written}")
        if self._outputs.appended is not None:
            said.append("the lines that were added stay")
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
            say_stats(self._took, reader, wall_s)
        if self._run.cluster.cluster is not None:  # what this machine takes is another thing
            return
        self._remember_rate(reader, wall_s)
        if self._run.parallel == 1:
            remember(load_settings().state_dir, self._run.speed_key(reader.facts), reader.load_s, self._took)

    def _remember_rate(self, reader: Reader, wall_s: float) -> None:
        """How long a picture of many took, for the next --dry-run."""
        if self._many:
            key = self._run.rate_key(reader.facts)
            remember_rate(load_settings().state_dir, key, self._took.answers - self._took.cached, wall_s)

    def _raise_failures(self, questions: int) -> None:
        if not self._failed + self._unwritten:
            return
        failed, inputs = self._failed + self._unwritten, self._failed + math.ceil(self._took.answers / questions)
        inputs += self._there_before
        error = SomeInputsFailedError(f"{failed} of {max(inputs, failed)} inputs failed." if inputs > 1 else "")
        written = self._described + (self._sidecars.written if self._sidecars is not None else 0)
        nowhere = not written and not self._outputs.there
        if (not self._took.answers or nowhere) and not self._there_before:
            error.exit_code = self._first_code
        raise error
