"""smol reads images, documents and video on your own machine with SmolVLM, through llama.cpp.

    import smolcli

    with smolcli.open() as reader:
        for answer in reader.ask("photo.jpg", "What is this?"):
            print(answer.text)

What `__all__` names is stable; everything else may change from one version to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from smolcli.datatypes import Place, Sampling, Source
    from smolcli.errors import SmolError
    from smolcli.jobs import Answer, Failure, Job, Look, Question
    from smolcli.reader import Reader
    from smolcli.reader import open_reader as open

__all__ = [
    "Answer",
    "Failure",
    "Job",
    "Look",
    "Place",
    "Question",
    "Reader",
    "Sampling",
    "SmolError",
    "Source",
    "open",
]
_ROOMS = {
    **dict.fromkeys(("Answer", "Failure", "Job", "Look", "Question"), "jobs"),
    **dict.fromkeys(("Place", "Sampling", "Source"), "datatypes"),
    **dict.fromkeys(("Reader", "open"), "reader"),
    "SmolError": "errors",
}


def __getattr__(name: str) -> Any:
    """Nothing is imported before it is asked for: `smol --help` is to be quick."""
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module 'smolcli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"smolcli.{room}"), "open_reader" if name == "open" else name)
