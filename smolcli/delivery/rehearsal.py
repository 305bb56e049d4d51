"""--dry-run: what a command would read in, how much of it is done already and how long the rest would take out.

Files are opened and hashed, their headers are read; no picture is decoded and no model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from smolcli.console import say
from smolcli.delivery.keeping import leaving, outputs_of
from smolcli.delivery.shown import NONE, Shown
from smolcli.delivery.wanted import wanted_beside
from smolcli.engine import Planner
from smolcli.errors import SmolError
from smolcli.files import open_target
from smolcli.formats import SCHEMA, Allowed, AppendedFile, Sidecars, failure_sentence, to_json
from smolcli.jobs import Failure, Job, place_record
from smolcli.options import KeepingOptions
from smolcli.rates import measured_rate
from smolcli.run import Item, Kept, OpenFiles, plan_job
from smolcli.session import Run
from smolcli.settings import load_settings


@dataclass(slots=True)
class Rehearsal:
    """Counts of one run that was not made. files: that were found, with those that cannot be read; pictures: in them,
    pages of documents too; beside, in_output, in_store: finished, as what lies beside them, the file that is added to
    or the store says; duplicates: files with the same bytes as another one; left: to be computed. one_s: seconds that
    the first of those would take by itself, as far as that was measured.
    """

    pictures: int = 0
    beside: int = 0
    in_output: int = 0
    in_store: int = 0
    duplicates: int = 0
    failed: int = 0
    left: int = 0
    one_s: float | None = None

    def count(self, items: Iterable[Item], known: Callable[[Job], str], cost_s: Callable[[Job], float | None]) -> None:
        """Go through everything that would be asked. Failures are said.

        known: the field in which a job counts that is finished, "" for one that is not; cost_s: see one_s.
        """
        seen: set[int] = set()  # hashes of what pictures are
        for item in items:
            if isinstance(item, Failure):
                self.failed += 1
                say(failure_sentence(item))
            elif isinstance(item, Job):
                self.pictures += 1
                content = hash(str([place_record(place) for place in item.places]))
                field = known(item) or ("duplicates" if content in seen else "left")
                setattr(self, field, getattr(self, field) + 1)
                seen.add(content)
                if self.left == 1 and field == "left":
                    self.one_s = cost_s(item)

    def lines(self, image_s: float | None) -> list[str]:
        """What there is to say. image_s: seconds for one picture, None where that was not measured."""
        done = {"beside them": self.beside, "in the output": self.in_output, "in the store": self.in_store}
        where = ", ".join(f"{count:,} {what}" for what, count in done.items() if count)
        said = [
            f"pictures: {self.pictures + self.beside:,}",
            f"finished: {sum(done.values()):,}" + (f" ({where})" if where else ""),
            f"duplicates: {self.duplicates:,}",
            f"cannot be read: {self.failed:,}",
            f"to be captioned: {self.left:,}",
        ]
        if image_s is None:
            return [*said, "time: not known yet; the first run of some pictures measures it"]
        return [*said, f"time: about {_clock(image_s * self.left)} ({image_s:.2g} s a picture, as measured here)"]

    def record(self, image_s: float | None) -> str:
        """The same as a line of JSON."""
        estimated_s = None if image_s is None else round(image_s * self.left, 1)
        counts = {name: count for name, count in asdict(self).items() if name != "one_s"}
        return to_json({"schema": SCHEMA, "dry_run": {**counts, "estimated_s": estimated_s}})


def rehearse(
    run: Run,
    inputs: Sequence[str],
    keeping: KeepingOptions,
    jobs: Callable[[Planner, OpenFiles, Callable[[str], bool] | None], Iterable[Item]],
    shown: Shown = NONE,
) -> None:
    """Say what a run would do. jobs: what would be asked, by files and what tells that one is finished; shown: what
    else would be written.

    Raises UsageError as the run would, OutputError for standard output that is closed.
    """
    as_json = run.output.json  # of what is said here, not of what would be written
    run = replace(run, output=replace(run.output, json=False))
    wanted = outputs_of(run, Allowed(), shown.wanted(Allowed()), keeping)
    beside = leaving(wanted_beside(run.output, run.formats, inputs, Allowed()), keeping)
    sidecars = None if beside is None else Sidecars(beside, lambda failure: None, lambda note: None)
    tells = beside is not None and beside.tells and not wanted and not keeping.write_xmp
    path = wanted[0].path if keeping.append and beside is None else None
    appended = AppendedFile(Path(path), keeping.prefix, look_only=True) if path is not None else None
    found = Rehearsal()
    with run.planner() as planner, run.known(planner) as kept, closing(_files(planner)) as files:
        items = jobs(planner, files, sidecars.is_finished if sidecars is not None and tells else None)
        known = partial(_known, kept=kept, appended=appended, model=planner.facts.name)
        found.count(items, known, partial(_cost_s, run, planner, files))
        found.beside = sidecars.finished_before if sidecars is not None else 0
        image_s = measured_rate(load_settings().state_dir, run.rate_key(planner.facts)) or found.one_s
    target = open_target(None, False)
    for line in [found.record(image_s)] if as_json else found.lines(image_s):
        target.write(f"{line}\n")


def _known(job: Job, kept: Kept | None, appended: AppendedFile | None, model: str) -> str:
    """Where the answer to a job is known from, as a field of Rehearsal."""
    if appended is not None and appended.has(job, model):
        return "in_output"
    return "in_store" if kept is not None and kept.find(job, 0) is not None else ""


def _cost_s(run: Run, planner: Planner, files: OpenFiles, job: Job) -> float | None:
    """Seconds that a job would take, by what any command has measured; None for one that would fail."""
    try:
        media = files.take(job)
        try:
            return run.request_s(planner, plan_job(planner, media, job))
        finally:
            files.give_back(job)
    except SmolError:  # the run will say so
        return None


def _files(planner: Planner) -> OpenFiles:
    return OpenFiles(planner.facts, planner.context_tokens)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
