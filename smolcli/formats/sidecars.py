"""Answers in, a file about each input out; each appears whole when the answers about its input are all there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smolcli.errors import OutputError, SmolError
from smolcli.files import Existing, writing
from smolcli.formats.form import Form
from smolcli.formats.naming import Extension, SidecarNames
from smolcli.formats.outputs import Output, Wanted, finish_together
from smolcli.formats.table import Format
from smolcli.jobs import Answer, Failure, failure


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A format and the extension that its files get."""

    format: Format
    extension: str

    @property
    def ending(self) -> Extension:
        """What its names end in."""
        return Extension(self.extension, self.format.about_one)


@dataclass(frozen=True, slots=True)
class Beside:
    """Files about each input. folder: where, None for beside it; inputs: files and folders as they were named.

    is_input: whether a file that is there is one of those that are read. kept: what is there stays, whatever it holds,
    and its input is finished. has_namesake: see SidecarNames. one_each: of a picture there is one answer.
    """

    sidecars: tuple[Sidecar, ...]
    folder: str | None
    inputs: Sequence[str]
    is_input: Callable[[Path], bool]
    force: bool = False
    kept: bool = False
    has_namesake: Callable[[str], bool] | None = None
    one_each: bool = False

    @property
    def tells(self) -> bool:
        """Whether an input is known to be finished by what lies beside it: not in a folder, where files of several
        folders meet, nor by a file that others write too.
        """
        added_to = any(sidecar.format.about_one for sidecar in self.sidecars)
        return self.kept and not (self.force or self.folder is not None or added_to)


class Sidecars:
    """The files about one input after another: answers come in the order of inputs.

    failed: hears of an input whose files cannot be written; the others go on. note: of names that are not as usual.
    """

    def __init__(self, wanted: Beside, failed: Callable[[Failure], None], note: Callable[[str], None]) -> None:
        self._wanted, self._fail, self._note = wanted, failed, note
        self._names = SidecarNames(wanted.folder, wanted.inputs, wanted.has_namesake)
        self._named: dict[str, list[tuple[Path, bool]]] = {}  # of inputs that were asked about and are under way
        self.finished_before = 0
        self._source: str | None = None
        self._held: list[Answer | Failure] = []  # until it is known whether there are several answers
        self._form: Form | None = None
        self._open: list[Output] = []
        self._opened = False
        self._written = 0

    @property
    def written(self) -> int:
        """Of how many inputs the files are there."""
        return self._written

    def is_finished(self, source: str) -> bool:
        """Whether all files about an input are there, so that it need not be read. Asked once of each, in order."""
        try:
            names = [self._names.name(source, sidecar.ending) for sidecar in self._wanted.sidecars]
        except OutputError:  # said when it is to be written
            return False
        if all(os.path.lexists(path) for path, _ in names):
            self.finished_before += 1
            return True
        self._named[source] = names
        return False

    def take(self, event: Answer | Failure, form: Form) -> None:
        """Write an answer or a failure into the files about its input."""
        source = event.job.places[0].source.path if isinstance(event, Answer) else event.source
        if source != self._source:
            self.finish()
            self._source, self._form, self._opened = source, form, False
        if self._form is None:  # they could not be opened
            return
        self._held.append(event)
        if self._opened or (isinstance(event, Answer) and sum(isinstance(each, Answer) for each in self._held) > 1):
            self._guarded(self._write)

    def finish(self) -> None:
        """All answers about this input are there."""
        if self._form is not None and (self._opened or any(isinstance(each, Answer) for each in self._held)):
            self._guarded(self._commit)
        self._named.pop(self._source or "", None)
        self._source = self._form = None
        self._held = []

    def idle(self) -> None:
        """Nothing is under way, and it may be long until the next answer: one that is all of a picture is written."""
        only = self._held[0] if len(self._held) == 1 else None
        if self._wanted.one_each and isinstance(only, Answer) and only.job.places[0].source.kind == "image":
            self.finish()

    def discard(self) -> None:
        """Leave nothing of an input that is not finished."""
        for output in self._open:
            output.discard()
        self._open = []

    def _write(self, several: bool = True) -> None:
        assert self._form is not None
        if not self._opened:
            self._form = self._form.within_an_input(several)
            self._open_all()
        for event in self._held:
            for output in self._open:
                if isinstance(event, Answer):
                    output.answer(event, self._form)
                else:
                    output.failure(event, self._form)
        self._held = []

    def _commit(self) -> None:
        self._write(several=False)
        finish_together(self._open)
        self._written += bool(self._open)
        self.finished_before += not self._open
        self._open = []

    def _open_all(self) -> None:
        """Raises OutputError."""
        assert self._source is not None
        longer, self._opened = [], True
        names = self._named.pop(self._source, None)
        for number, sidecar in enumerate(self._wanted.sidecars):
            path, unusual = names[number] if names else self._names.name(self._source, sidecar.ending)
            if self._stays(path, sidecar):
                continue
            if path.exists() and self._wanted.is_input(path):
                raise OutputError(f"{str(path)!r} is itself to be read.", "Name a folder for what is written.")
            with writing(f"The folder {str(path.parent)!r}"):
                if self._wanted.folder is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
            existing: Existing = "amend" if sidecar.format.about_one else sidecar.format.same
            self._open.append(Output(Wanted(sidecar.format, str(path), existing), self._wanted.force))
            if unusual:
                longer.append(repr(str(path)))
        if longer:
            self._note(f"{self._source!r} is written to {', '.join(longer)}: another one has the shorter name.")

    def _stays(self, path: Path, sidecar: Sidecar) -> bool:
        """Whether a file is left as it is, because it is there."""
        wanted = self._wanted
        return wanted.kept and not wanted.force and not sidecar.format.about_one and os.path.lexists(path)

    def _guarded(self, step: Callable[[], None]) -> None:
        """An input whose files cannot be written is a failure; the others go on."""
        try:
            step()
        except SmolError as error:
            self._give_up(error)
        except BaseException:
            self.discard()
            raise

    def _give_up(self, error: SmolError) -> None:
        self.discard()
        self._held, self._form = [], None
        self._fail(failure(str(self._source), error))
