"""Work goes in, done in threads ahead of the engine; its results come out in the order in which it was given."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from smolcli.jobs import Job
from smolcli.run.heap import trim

T = TypeVar("T")
TRIM_BYTES = 16_000_000  # after so many are dropped, what is free goes back
MOST_TASKS = 32  # enough for an engine never to wait; of small pictures the bytes would allow hundreds


class Task(Generic[T]):
    """Something that a thread does. size_bytes: what it holds in memory from when it is given until it is dropped.

    users: how many want its result, and drop it once each.
    """

    def __init__(self, work: Callable[[], T], size_bytes: int) -> None:
        self.size_bytes, self.users = size_bytes, 1
        self.began_s: float | None = None  # time.monotonic()
        self._work, self._future = work, Future[T]()

    @property
    def done(self) -> bool:
        """Whether `result` is there."""
        return self._future.done()

    def do(self) -> None:
        """Work, in whatever thread this is."""
        self.began_s = time.monotonic()
        try:
            self._future.set_result(self._work())
        except BaseException as error:  # handed to whoever asks for the result
            self._future.set_exception(error)

    def result(self) -> T:
        """What came of it. Raises what the work raised."""
        return self._future.result()

    def forget(self) -> None:
        """Nobody asks for the result again: what it holds in memory is let go."""
        self._future = Future()

    def then(self, do: Callable[[Job], None], job: Job) -> None:
        """Have something done with a job as soon as this is done, in whatever thread that is."""
        self._future.add_done_callback(lambda _: do(job))

    def wait(self, most_s: float | None) -> bool:
        """Whether it is done, within some seconds (None: when it is)."""
        try:
            self._future.exception(most_s)
        except TimeoutError:
            return False
        return True


class Ahead:
    """Threads that work ahead, until what they hold comes to `most_bytes`, or to many tasks.

    Without any thread, each task is done at once.
    """

    def __init__(self, threads: int, most_bytes: int) -> None:
        self._wanted, self._most_bytes = threads, most_bytes
        self._bytes, self._held = 0, 0  # of tasks that were given and not dropped, and how many they are
        self._dropped_bytes = 0  # since the last trim
        self._tasks: queue.SimpleQueue[Task[Any] | None] = queue.SimpleQueue()
        self._threads = 0

    @property
    def has_room(self) -> bool:
        """Whether another task may be given: there is always room for one."""
        more = self._bytes < self._most_bytes and self._held < MOST_TASKS
        return self._held == 0 or (self._wanted > 0 and more)

    def give(self, work: Callable[[], T], size_bytes: int) -> Task[T]:
        """Have something done."""
        task = Task(work, max(1, size_bytes))
        self._bytes, self._held = self._bytes + task.size_bytes, self._held + 1
        if self._wanted == 0:
            task.do()
            return task
        if self._threads < self._wanted:
            self._start()
        self._tasks.put(task)
        return task

    def share(self, task: Task[T]) -> Task[T]:
        """Let one more use a result, which is held again if nobody needed it any more."""
        if task.users == 0:
            self._bytes, self._held = self._bytes + task.size_bytes, self._held + 1
        task.users += 1
        return task

    def drop(self, task: Task[T]) -> None:
        """One user needs the result no more."""
        task.users -= 1
        if task.users == 0:
            self._bytes, self._held = self._bytes - task.size_bytes, self._held - 1
            self._dropped_bytes += task.size_bytes
        if self._dropped_bytes >= TRIM_BYTES:
            self._dropped_bytes = 0
            trim()

    def abandon(self, task: Task[T]) -> None:
        """A task does not end: another thread takes the place of its own, which dies with the process."""
        self.drop(task)
        self._start()

    def close(self) -> None:
        """End the threads once they are idle; they are not waited for."""
        for _ in range(self._threads):
            self._tasks.put(None)
        self._threads = 0

    def _start(self) -> None:
        self._threads += 1
        threading.Thread(target=self._serve, name="smol-ahead", daemon=True).start()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.do()
            del task  # an idle thread holds no picture
