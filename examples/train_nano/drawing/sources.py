"""Where fonts and words come from: the system, or a folder that `pack` made for a machine that has neither.

`TRAIN_NANO_PACK=FOLDER` names such a folder: `fonts/` (the families and PyMuPDF's base 14) and `corpus.json.gz`.
"""

import os
from pathlib import Path

VARIABLE = "TRAIN_NANO_PACK"
SYSTEM = ("/usr/share/fonts", "/Library/Fonts", "/System/Library/Fonts/Supplemental")
CORPUS = "corpus.json.gz"


def folder() -> Path | None:
    """The packed folder, if one is named. Exits with a sentence where there is none."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not Path(named, "fonts").is_dir() or not Path(named, CORPUS).is_file():
        raise SystemExit(f"{VARIABLE}={named}: that is no pack; `python examples/train_nano pack {named}` makes one")
    return Path(named)


def font_folders() -> tuple[str, ...]:
    """Where to look for families."""
    packed = folder()
    return (str(packed / "fonts"),) if packed else SYSTEM


def base14_file(packed: Path, code: str) -> Path:
    """Where a pack keeps one of the fonts that every PDF reader has."""
    return packed / "fonts" / f"base14_{code}.bin"


def base14(code: str) -> bytes:
    """One of the fonts that every PDF reader has, as a font file: from the pack, or from PyMuPDF."""
    packed = folder()
    if packed:
        return base14_file(packed, code).read_bytes()
    import pymupdf

    return pymupdf.Font(code).buffer
