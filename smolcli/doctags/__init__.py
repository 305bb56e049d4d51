"""READ A PAGE'S MARKUP: what a DocTags model (SmolDocling, granite-docling) writes goes in, a page reading comes out.

    page, warnings = doctags.read(answer.text, size_px, answer.generation.stop_reason)

Pure text: it needs no model, and no library. What docling-core makes of the same text is formats/doctags.py's.
"""

from __future__ import annotations

from smolcli.doctags.markup import is_markup
from smolcli.doctags.reading import GRID, read

__all__ = ["GRID", "is_markup", "read"]
