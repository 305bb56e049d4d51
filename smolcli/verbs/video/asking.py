"""Clips go in, one after another; every event of what is asked of them comes out, in their order."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from smolcli.datatypes import Place
from smolcli.errors import MediaError, SmolError
from smolcli.jobs import Expected, Job, failure
from smolcli.media import Media
from smolcli.run import Access, Event, Item, OpenFiles
from smolcli.verbs.stepwise import Outcome, Stepwise, Task
from smolcli.verbs.template import Template
from smolcli.verbs.video.clip import Clip, Watching


class ClipQuestions:
    """Watches clips, each by itself; an animated picture is one. One that cannot be read is a Failure.

    at_once: clips under way together. most_windows: of the clip with the most so far.
    """

    def __init__(
        self, files: OpenFiles, paths: Sequence[str], template: Template, access: Access, watching: Watching
    ) -> None:
        self._files, self._paths, self._template = files, paths, template
        self._access, self._watching = replace(access, moving=True), watching
        self.most_windows = 0

    def jobs(self, at_once: int = 1) -> Iterator[Item]:
        """Everything that has to be asked."""
        self._work = Stepwise(self._files, at_once)
        return self._work.jobs(self._tasks())

    def answers(self, events: Generator[Event]) -> Generator[Event]:
        """What a run of `jobs` comes to: answers about windows and clips, failures, and all else."""
        return self._work.results(events, lambda outcome: None)

    def _tasks(self) -> Iterator[Task | Outcome | Expected]:
        yield Expected(len(self._paths) * len(self._template.questions))
        for path in self._paths:
            try:
                with self._clip(path) as media:
                    yield from self._task(media)
            except SmolError as error:
                yield failure(path, error)

    @contextmanager
    def _clip(self, path: str) -> Iterator[Media]:
        """Raises MediaError for a file that is no clip."""
        with self._files.hold(path, self._template.look, self._access) as media:
            if media.video is None:
                hint = f'For pictures and documents: smol ask {shlex.quote(path)} "…"'
                raise MediaError(f"{path!r} is not a clip.", hint)
            yield media

    def _task(self, media: Media) -> Iterator[Task | Expected]:
        places = self._watching.windows(media)
        if isinstance(places, Sequence) and len(places) > 1 and not self._watching.asked:
            yield Expected(len(places))
        look, sampling = self._template.look, self._template.sampling
        clip = Clip(self._files, media, self._counted(places), Place(media.source), self._template, self._watching)
        job = Job((clip.whole,), self._template.questions[0], look, sampling)
        yield Task(job, clip.steps(), lambda part: part in clip.said)

    def _counted(self, places: Iterable[Place]) -> Iterator[Place]:
        for number, place in enumerate(places, 1):
            self.most_windows = max(self.most_windows, number)
            yield place
