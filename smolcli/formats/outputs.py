"""Answers in, the same answers into every file and format that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.files import Existing, is_stdout, open_target
from smolcli.formats.appended import AppendedFile, AppendWriter
from smolcli.formats.form import Form
from smolcli.formats.table import Format, Writer, find_format
from smolcli.jobs import Answer, Failure


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output. format: None for what the command prints by itself; path: None for standard output.

    existing: what becomes of a file that is there. appended: it is added to, as JSON Lines; prefix: of what is added.
    """

    format: Format | None = None
    path: str | None = None
    existing: Existing = "refuse"
    appended: bool = False
    prefix: str = ""


class Output:
    """A target, and its writer, which is made with the first answer: until then nobody knows how they are told apart.

    Raises OutputError for a target that cannot be made.
    """

    def __init__(self, wanted: Wanted, force: bool) -> None:
        self._format = wanted.format
        self._writer: Writer | None = None
        self.appended: AppendedFile | None = None
        if wanted.appended and wanted.path is not None:
            self.appended = AppendedFile(Path(wanted.path), wanted.prefix)
            self._writer = AppendWriter(self.appended)
        self._target = self.appended or open_target(wanted.path, force, wanted.existing)
        self._used = False  # there is something to be kept
        self.on_stdout = is_stdout(wanted.path)
        self.file = None if self.on_stdout or self.appended else wanted.path

    def writer(self, form: Form) -> Writer:
        """Its one writer."""
        if self._writer is None:
            if self.file is not None:
                form = replace(form, folder=str(Path(self.file).parent))
            self._writer = (self._format or find_format(form.usual_format)).make(self._target, form)
        return self._writer

    def answer(self, answer: Answer, form: Form) -> None:
        """Write an answer. Raises OutputError."""
        self.writer(form).answer(answer)
        self._used = True

    def failure(self, failure: Failure, form: Form) -> bool:
        """Write a failure, where the format has a place for it; whether it was written."""
        written = self.writer(form).failure(failure)
        self._used |= written
        return written

    def broke_off(self) -> None:
        """No more will come."""
        if self._writer is not None:
            self._writer.broke_off()

    def finish(self) -> None:
        """Write what ends the format. Raises OutputError, also where the file could not get its name."""
        if self._writer is not None and self._used:
            self._writer.finish()
            self._target.check()

    def commit(self) -> None:
        """The file gets its name; one that would be empty is not made."""
        if self._used:
            self._target.commit()
        self._target.discard()

    def discard(self) -> None:
        """Leave nothing behind, but for what is finished."""
        self._target.discard()


def finish_together(outputs: Sequence[Output]) -> None:
    """No file gets its name before all of them can. Raises OutputError."""
    for output in outputs:
        output.finish()
    for output in outputs:
        output.commit()


class Outputs:
    """All outputs of one run. Files appear when the run is finished, whole; of a run that breaks off there is none."""

    def __init__(self, wanted: Sequence[Wanted], force: bool) -> None:
        with ExitStack() as stack:
            self._outputs: list[Output] = []
            for each in wanted:
                self._outputs.append(Output(each, force))
                stack.callback(self._outputs[-1].discard)
            self._stack = stack.pop_all()

    @property
    def there(self) -> bool:
        """Whether there is any."""
        return bool(self._outputs)

    @property
    def files(self) -> list[str]:
        """The names of those that are files, as they were given, and appear when all is over."""
        return [output.file for output in self._outputs if output.file is not None]

    @property
    def appended(self) -> AppendedFile | None:
        """The file that is added to, if there is one."""
        return next((output.appended for output in self._outputs if output.appended is not None), None)

    @property
    def on_stdout(self) -> bool:
        """Whether one of them is standard output."""
        return any(output.on_stdout for output in self._outputs)

    def piece(self, text: str, form: Form) -> None:
        """Show the next characters of the answer in the making on standard output."""
        for output in self._outputs:
            if output.on_stdout:
                output.writer(form).piece(text)

    def answer(self, answer: Answer, form: Form) -> None:
        """Write an answer everywhere. Raises OutputError."""
        for output in self._outputs:
            output.answer(answer, form)

    def failure(self, failure: Failure, form: Form) -> bool:
        """Whether some output has a place for it."""
        written = [output.failure(failure, form) for output in self._outputs]  # in all of them, before any()
        return any(written)

    def broke_off(self) -> None:
        """The run ended before its end."""
        for output in self._outputs:
            output.broke_off()

    def finish(self) -> None:
        """The run is over. Raises OutputError."""
        finish_together(self._outputs)

    def discard(self) -> None:
        """Leave nothing behind, but for what is finished."""
        self._stack.close()
