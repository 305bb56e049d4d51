"""The class of the actors, which every node can read: the first thing that it looks at is which smolcli is there."""

from __future__ import annotations

from typing import Any


def actor_class() -> type:
    """A class that travels as it stands here, because it is made in a function: it needs no smolcli to be received."""

    class SmolActor:
        """Words and numbers in and out until the node's smolcli is known to be ours."""

        def __init__(self) -> None:
            self._worker: Any = None

        def prepare(self, version: str, task: bytes, share: int, sent: Any) -> Any:
            """Why it cannot be done here (a sentence's end), or smolcli's own Prepared."""
            import pickle
            import sys

            import ray

            try:
                import smolcli
            except ImportError:
                return f"has no smolcli in {sys.executable}"
            if smolcli.__version__ != version:
                return f"has smolcli {smolcli.__version__}"
            if self._worker is None:
                from smolcli.run.cluster.worker import Worker

                self._worker = Worker(pickle.loads(task), share, ray.get)
            return self._worker.prepare(sent)

        def read(self, sent: Any) -> Any:
            """What a job comes to."""
            return self._worker.read(sent)

    return SmolActor
