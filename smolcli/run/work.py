"""A job under way: what it waits for, what it is read from, and the answer that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smolcli.errors import TookTooLongError
from smolcli.generation import Generation
from smolcli.jobs import Answer, Job
from smolcli.run.ahead import Task
from smolcli.run.asking import Asking
from smolcli.run.kept import drawn_seed, request_seed
from smolcli.run.planning import RequestPlan
from smolcli.run.prepare import Loaded


@dataclass(slots=True, eq=False)
class Work:
    """A job under way: being decoded (`task`), or in the engine (`loaded`, `began_s` by time.monotonic()).

    notes: on how its files were opened. drawn: the job with the seed that its answer is drawn with. shared: another one
    had the same pictures decoded. asking: what is asked of the engine, once its pictures are there.
    """

    number: int
    job: Job
    notes: tuple[str, ...]
    drawn: Job
    plan: RequestPlan
    task: Task[Loaded]
    shared: bool
    loaded: Loaded | None = None
    asking: Asking | None = None
    began_s: float = 0.0

    def decoded(self) -> Asking:
        """What is to be asked about its pictures, which are decoded. Raises what decoding them raised."""
        self.loaded = self.loaded or self.task.result()
        if self.asking is None:
            drawn = self.job.sampling.temperature > 0  # else no seed is needed, and the hash that it hangs on may come
            self.asking = Asking(self.number, self.job, self.loaded.media, request_seed(self.drawn) if drawn else 0)
        return self.asking

    @property
    def shown_digest(self) -> bytes | None:
        """What the engine is shown of it, once its pictures are there; None where its answer is nobody else's."""
        alone = self.asking is None or self.loaded is None or bool(self.loaded.page)
        return None if alone or self.asking is None else self.asking.digest

    def forget_pictures(self) -> None:
        """Another job's answer is waited for: its tiles need not be held until then."""
        if self.loaded is not None and self.asking is not None:
            self.loaded = replace(self.loaded, media=())
            self.asking.forget()

    def let_go(self, last: Work | None = None) -> None:
        """The engine has its pictures: they are not kept here too, unless other jobs have yet to give them to it.

        last: the latest job, whose pictures the next one may ask about as well.
        """
        if self is last:
            return
        if self.loaded is not None:
            self.loaded = replace(self.loaded, media=())
        if self.task.users == 0:
            self.task.forget()

    def shares(self, job: Job, plan: RequestPlan) -> bool:
        """Whether another job is about the same pictures, and wants the same of their pages."""
        own = self.job
        same = (own.places, own.look, self.plan.media) == (job.places, job.look, plan.media)
        return same and bool(own.question.schema) == bool(job.question.schema)

    def answer(self, model: str, made: Generation) -> Answer:
        """What the user gets of what the engine has made. model: its name."""
        loaded, asking = self.loaded, self.asking
        assert loaded is not None and asking is not None
        warnings = (*self.plan.notes, *(odd for odd in loaded.warnings if odd not in self.notes))
        if made.stop_reason == "repetition" and not self.job.question.schema:
            warnings = (*warnings, "the answer repeated itself without end and was cut.")
        spent_s = 0.0 if self.shared else loaded.preprocess_s
        made = replace(made, seconds=replace(made.seconds, preprocess=spent_s))
        answer = Answer(self.job, loaded.shown, model, made, warnings, seed=drawn_seed(self.drawn))
        return asking.finished(answer, loaded.page)


def noted(answer: Answer, notes: tuple[str, ...]) -> Answer:
    """The answer with what is to be said of how its files were opened this time, which is not kept with it."""
    return replace(answer, warnings=(*notes, *answer.warnings))


def too_long(limit_s: float | None) -> TookTooLongError:
    """The error about a job that was given up."""
    return TookTooLongError(f"It took longer than {limit_s:g} seconds.", "Allow more with --page-timeout.")


def with_seed(job: Job, seed: int) -> Job:
    """The job with a seed: its own, or this run's."""
    own = job.sampling.seed
    return replace(job, sampling=replace(job.sampling, seed=seed if own is None else own))
