"""Characters go in, a font without shapes comes out: what an invisible text layer is written with, in any script.

Every character of a document gets a number of its own, and a table in the PDF (ToUnicode) says which character that is:
so characters beyond the first 65,536, too, come out of every reader as they went in. All glyphs are the same, half
an em wide, and nothing is seen of them.
"""

from __future__ import annotations

import struct
import unicodedata

ADVANCE, ASCENT, DESCENT, EM = 500, 800, -200, 1000
WIDTH = ADVANCE / EM  # of a character, in letter sizes
MOST = 0xFFFE  # characters of one document; the ones after them become U+FFFD
NAME = "GlyphLessFont"
_PER_BLOCK = 100  # entries of one table in a CMap (Adobe technical note 5014)
_CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
%s
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class Glyphs:
    """The characters of one document, numbered from 1 in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"�": 1}

    def __len__(self) -> int:
        return len(self._numbers)

    def encoded(self, text: str) -> str:
        """A text as a hexadecimal string of PDF, two bytes a character."""
        return f"<{''.join(f'{self._number(character):04X}' for character in text)}>"

    def _number(self, character: str) -> int:
        if character not in self._numbers and len(self._numbers) >= MOST:
            return 1
        return self._numbers.setdefault(character, len(self._numbers) + 1)

    def widths(self) -> str:
        """The array of those that are not as wide as the others: marks over and under letters have no width."""
        marks = (number for character, number in self._numbers.items() if is_mark(character))
        return f"[{''.join(f'{number}[0]' for number in marks)}]"

    def to_unicode(self) -> bytes:
        """The table that says which characters the numbers stand for."""
        pairs = [f"<{number:04X}> <{each.encode('utf-16-be').hex().upper()}>" for each, number in self._numbers.items()]
        blocks = [pairs[start : start + _PER_BLOCK] for start in range(0, len(pairs), _PER_BLOCK)]
        tables = [f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks]
        return (_CMAP % "\n".join(tables)).encode("ascii")

    def to_glyphs(self) -> bytes:
        """The table that gives every number the one glyph (CIDToGIDMap)."""
        return struct.pack(">HH", 0, 1) + struct.pack(">H", 1) * len(self)


def is_mark(character: str) -> bool:
    """Whether a character stands over or under the letter before it. If it were wide, readers would see a new line."""
    return unicodedata.category(character) in ("Mn", "Me")


def font_file() -> bytes:
    """A TrueType font of two glyphs: one of nothing, and one of a line that has no area, from corner to corner.

    The line is for pdfium (Chrome), which passes over text that runs upwards if its glyphs are not even a line.
    """
    box = struct.pack(">hhhh", 0, DESCENT, ADVANCE, ASCENT)
    line = struct.pack(">h", 1) + box + struct.pack(">HHBBhhhh", 1, 0, 1, 1, 0, ADVANCE, DESCENT, ASCENT - DESCENT)
    head = struct.pack(
        ">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, EM, 0, 0, 0, DESCENT, ADVANCE, ASCENT, 0, 8, 2, 0, 0
    )
    hhea = struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, ASCENT, DESCENT, 0, ADVANCE, 0, 0, 0, 1, 0, 0, *(0,) * 5, 2)
    tables = {
        b"cmap": struct.pack(">HHHHIHHH", 0, 1, 1, 0, 12, 6, 10, 0) + struct.pack(">HH", 0, 0),  # format 6, no entry
        b"glyf": line,
        b"head": head,
        b"hhea": hhea,
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(line) // 2),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x10000, 2, 2, 1, 0, 0, 1, *(0,) * 8),
    }
    offset, directory, body = 12 + 16 * len(tables), b"", b""
    for name, data in sorted(tables.items()):
        padded = data + b"\0" * (-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", name, checksum, offset + len(body), len(data))
        body += padded
    return struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, 48) + directory + body
