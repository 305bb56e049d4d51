"""What is done with media, one file a verb: names of files go in, Jobs come out, a file opened when its turn comes.

    jobs = docvqa(files, ["report.pdf"], Template((question,), Look(), Sampling()))

None of them knows a terminal, an engine or a writer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smolcli.verbs.ask import ask, open_together, refuse_too_many
from smolcli.verbs.caption import caption, caption_found, prefixed
from smolcli.verbs.docvqa import docvqa, keeping_texts
from smolcli.verbs.questions import read_questions, stated
from smolcli.verbs.template import Template

if TYPE_CHECKING:
    from smolcli.verbs.cases import Unread, read_cases
    from smolcli.verbs.choosing import NO, YES, likely_of
    from smolcli.verbs.conversations import Parsed as ParsedConversation
    from smolcli.verbs.conversations import converse, parse_cases
    from smolcli.verbs.conversations import parse as parse_conversation
    from smolcli.verbs.docvqa.asking import DocumentQuestions as DocumentQuestions
    from smolcli.verbs.docvqa.document import Search as Search
    from smolcli.verbs.docvqa.evidence import Evidence as Evidence
    from smolcli.verbs.docvqa.excerpt import Eyes as Eyes
    from smolcli.verbs.docvqa.ranking import Ranking as Ranking
    from smolcli.verbs.finding import Finding, Looking, noting, question_for
    from smolcli.verbs.ocr import Form as Form
    from smolcli.verbs.ocr import How as How
    from smolcli.verbs.ocr import Ocr as Ocr
    from smolcli.verbs.outlines import View
    from smolcli.verbs.outlines import build as outline_conversation
    from smolcli.verbs.video import ClipQuestions, Merging, Watching, live_windows

__all__ = [
    "NO",
    "YES",
    "ClipQuestions",
    "Finding",
    "Looking",
    "Merging",
    "ParsedConversation",
    "Template",
    "Unread",
    "View",
    "Watching",
    "ask",
    "caption",
    "caption_found",
    "converse",
    "docvqa",
    "keeping_texts",
    "likely_of",
    "live_windows",
    "noting",
    "open_together",
    "outline_conversation",
    "parse_cases",
    "parse_conversation",
    "prefixed",
    "question_for",
    "read_cases",
    "read_questions",
    "refuse_too_many",
    "stated",
]

_LATER = {  # what one verb needs and others do not → its file
    **dict.fromkeys(("Unread", "read_cases"), "cases"),
    **dict.fromkeys(("NO", "YES", "likely_of"), "choosing"),
    **dict.fromkeys(("ParsedConversation", "converse", "parse_cases", "parse_conversation"), "conversations"),
    "DocumentQuestions": "docvqa.asking",
    "Search": "docvqa.document",
    "Evidence": "docvqa.evidence",
    "Eyes": "docvqa.excerpt",
    "Ranking": "docvqa.ranking",
    **dict.fromkeys(("Finding", "Looking", "noting", "question_for"), "finding"),
    **dict.fromkeys(("Form", "How", "Ocr"), "ocr"),
    **dict.fromkeys(("View", "outline_conversation"), "outlines"),
    **dict.fromkeys(("ClipQuestions", "Merging", "Watching", "live_windows"), "video"),
}
_OWN = {"ParsedConversation": "Parsed", "parse_conversation": "parse", "outline_conversation": "build"}  # names there


def __getattr__(name: str) -> Any:
    """It is loaded when it is asked for: a question about a picture needs none of it."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), _OWN.get(name, name))
