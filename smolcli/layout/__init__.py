"""FIND: a page (uint8 RGB) goes in; how it stands, its lines, blocks in reading order and tables come out. OpenCV only.

turn = upright_turns(rgb)[0]
level = straightened(rgb, turn, find_skew(straightened(rgb, turn, 0.0)))
for block in find_layout(level).blocks: ...
"""

from smolcli.layout.nouns import Block, BlockKind, Cell, Layout, Line, PixelBox, Table
from smolcli.layout.page import find_layout
from smolcli.layout.pieces import pieces
from smolcli.layout.sheets import MARGIN_PX, TOP_PX, put_together
from smolcli.layout.skew import find_skew, upright_turns
from smolcli.layout.turning import straight_to_page, straightened

__all__ = [
    "MARGIN_PX",
    "TOP_PX",
    "Block",
    "BlockKind",
    "Cell",
    "Layout",
    "Line",
    "PixelBox",
    "Table",
    "find_layout",
    "find_skew",
    "pieces",
    "put_together",
    "straight_to_page",
    "straightened",
    "upright_turns",
]
