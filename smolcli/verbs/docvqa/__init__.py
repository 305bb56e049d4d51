"""Documents and questions go in, answers come out: of every page (docvqa), or of the pages that are worth reading.

asking = DocumentQuestions(files, paths, template, access, how)
for event in asking.answers(reader.stream(asking.jobs())): ...
"""

from __future__ import annotations

from smolcli.verbs.docvqa.each import docvqa, keeping_texts

__all__ = ["docvqa", "keeping_texts"]
