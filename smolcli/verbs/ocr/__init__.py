"""Documents and pictures go in, what each page says comes out: an Answer a page, with its regions.

    reading = Ocr(files, paths, template, access, how)
    for event in reading.pages(reader.stream(reading.jobs())): ...

Reading a page takes jobs, and sometimes more of them once those are answered: `jobs` makes them, `pages` takes what
became of them and says whole pages, in order.
"""

from __future__ import annotations

from smolcli.verbs.ocr.reading import How, Ocr
from smolcli.verbs.ocr.sheets import Form

__all__ = ["Form", "How", "Ocr"]
