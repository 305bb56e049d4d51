"""DELIVER: a run's options in, the outputs that they ask for out; its events in, answers written and summed up out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.delivery.delivery import Delivery
from smolcli.delivery.forms import BY_PLACE, camera_form, clip_form, document_form, text_form
from smolcli.delivery.shown import Shown, clip_outputs, gallery
from smolcli.delivery.single import single_answer
from smolcli.delivery.wanted import refuse_beside, refuse_inputs, text_output

if TYPE_CHECKING:
    from smolcli.delivery.cut import cut_file as cut_file
    from smolcli.delivery.plot import plot_file as plot_file
    from smolcli.delivery.rehearsal import rehearse as rehearse

__all__ = [
    "BY_PLACE",
    "Delivery",
    "Shown",
    "camera_form",
    "clip_form",
    "clip_outputs",
    "document_form",
    "gallery",
    "refuse_beside",
    "refuse_inputs",
    "single_answer",
    "text_form",
    "text_output",
]
_LATER = {"cut_file": "cut", "plot_file": "plot", "rehearse": "rehearsal"}


def __getattr__(name: str) -> Any:
    """What only some commands write; it is loaded then."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
