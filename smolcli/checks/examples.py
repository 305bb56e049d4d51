"""Pictures in, examples a second out, as the SmolVLM paper counts them (arXiv 2504.05299): a picture and a question to

the end of the answer, as many at a time as the model was opened for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from smolcli.datatypes import Sampling
from smolcli.errors import EngineError
from smolcli.generation import Generation
from smolcli.jobs import Answer, Failure, Look
from smolcli.reader import Reader
from smolcli.run import Access
from smolcli.verbs import caption

QUESTION = "What does it say?"


def examples_per_s(
    reader: Reader, files: Sequence[Path], tokens: int, heard: Callable[[Generation], None] = lambda _: None
) -> float:
    """From the files to the ends of all answers. heard: is given each. Raises EngineError, ModelError."""
    template = reader.template("ask", [QUESTION], Look("auto"), Sampling(max_tokens=tokens))
    start = time.perf_counter()
    for event in reader.read(caption(reader.files, [str(file) for file in files], template, Access())):
        if isinstance(event, Failure):
            raise EngineError(f"A drawn picture could not be read: {event.message}", event.hint)
        if isinstance(event, Answer):
            heard(event.generation)
    return len(files) / (time.perf_counter() - start)
