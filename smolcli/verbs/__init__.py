"""What is done with media, one file a verb: names of files go in, Jobs come out, a file opened when its turn comes.

    jobs = docvqa(files, ["report.pdf"], Template((question,), Look(), Sampling()))

None of them knows a terminal, an engine or a writer.
"""

from __future__ import annotations

from smolcli.verbs.ask import ask, open_together
from smolcli.verbs.caption import caption
from smolcli.verbs.cases import read_cases
from smolcli.verbs.conversations import Parsed as ParsedConversation
from smolcli.verbs.conversations import converse
from smolcli.verbs.conversations import parse as parse_conversation
from smolcli.verbs.docvqa import docvqa
from smolcli.verbs.outlines import View
from smolcli.verbs.outlines import build as outline_conversation
from smolcli.verbs.template import Template
from smolcli.verbs.video import video

__all__ = [
    "ParsedConversation",
    "Template",
    "View",
    "ask",
    "caption",
    "converse",
    "docvqa",
    "open_together",
    "outline_conversation",
    "parse_conversation",
    "read_cases",
    "video",
]
