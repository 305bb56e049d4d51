"""ASK FOR: the options of a command in; a model opened as they say, and what the verbs are to do with it, out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.session.run import Run

if TYPE_CHECKING:
    from smolcli.session.answers import Held as Held
    from smolcli.session.answers import asking_yes_or_no as asking_yes_or_no
    from smolcli.session.answers import held_answers as held_answers
    from smolcli.session.clips import live_options as live_options
    from smolcli.session.clips import watching as watching
    from smolcli.session.documents import search_of as search_of
    from smolcli.session.folders import arrivals_of as arrivals_of
    from smolcli.session.folders import given_pictures as given_pictures
    from smolcli.session.folders import picked as picked
    from smolcli.session.searchable import pdf_options as pdf_options
    from smolcli.session.searchable import refuse_a_second as refuse_a_second

__all__ = ["Run"]
_LATER = {
    **dict.fromkeys(("Held", "asking_yes_or_no", "held_answers"), "answers"),
    **dict.fromkeys(("live_options", "watching"), "clips"),
    "search_of": "documents",
    **dict.fromkeys(("arrivals_of", "given_pictures", "picked"), "folders"),
    **dict.fromkeys(("pdf_options", "refuse_a_second"), "searchable"),
}


def __getattr__(name: str) -> Any:
    """What only some commands ask for; it is loaded then."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
