"""Family and face → letters to draw with: the system's, Pillow's own, PyMuPDF's base 14, OpenCV's Hershey letters."""

import functools
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import sources

HELD_OUT = ("Lato", "C059", "Hack", "Cantarell")  # families never trained on
STROKES = Path(__file__).with_name("hershey.json")  # OpenCV 4's, whatever OpenCV is installed
# Not Latin text, or too thin to be read at 19 px.
_UNFIT = re.compile(
    r"Symbol|D050000L|opens__|Emoji|Math|LinBiolinum_K|Keyboard|Junicode|LinLibertine_I|Thin|Hairline|ExtraLight|Z003"
)
_NOTO = ("NotoSans", "NotoSerif", "NotoSansMono", "NotoSansDisplay", "NotoSerifDisplay", "NotoMono")
_COMMON = (
    *("LiberationSans", "LiberationSerif", "LiberationMono", "DejaVuSans", "DejaVuSansMono", "DejaVuSerif"),
    *("Roboto", "OpenSans", "NotoSans", "NotoSerif", "Carlito", "NimbusSans", "FreeSans"),
)
COMMON_WEIGHT = 8  # how much oftener a common family is drawn than a rare one; lower it as compute allows
_PILLOW_WEIGHT = 16
_BASE14_WEIGHT = {"helv": 12, "hebo": 4, "heit": 1, "tiro": 4, "tibo": 2, "tiit": 1, "cour": 3, "cobo": 1, "coit": 1}
_HERSHEY_WEIGHT = {0: 12, 2: 4, 3: 4, 4: 2}  # cv2.FONT_HERSHEY_SIMPLEX, DUPLEX, COMPLEX, TRIPLEX
_HERSHEY_EM = 30.0  # font size in px of a Hershey letter at scale 1 (its capitals are 21 px tall)


class Font:
    """A TrueType or OpenType face at one size (px)."""

    def __init__(self, face: ImageFont.FreeTypeFont, size: int):
        self._face, self.size = face, size
        self._widths: dict[str, float] = {}

    def advances(self, text: str) -> list[float]:
        """Advance of each character in px (kerning ignored; measured once, since a measurement costs 90 µs)."""
        widths = self._widths
        for character in text:
            if character not in widths:
                widths[character] = self._measure(character)
        return [widths[character] for character in text]

    def width(self, text: str) -> float:
        """Width of `text` in px."""
        return sum(self.advances(text))

    def _measure(self, character: str) -> float:
        return self._face.getlength(character)

    def draw(self, image: Image.Image, x: float, y: float, text: str, ink) -> None:
        """Draw `text` on `image` with its baseline starting at (x, y)."""
        ImageDraw.Draw(image).text((x, y), text, font=self._face, fill=ink, anchor="ls")


@functools.lru_cache(1)
def _strokes() -> dict:
    """Per face and character: left edge, right edge, strokes (capitals from y = -12 to the baseline at y = 9)."""
    faces = json.loads(STROKES.read_text("utf-8"))
    return {
        face: {
            ch: (left, right, [np.array(line, np.float32) for line in lines]) for ch, (left, right, lines) in t.items()
        }
        for face, t in faces.items()
    }


class HersheyFont(Font):
    """The stroke letters of OpenCV 4's cv2.putText, on every tutorial's pictures (OpenCV 5 has others)."""

    def __init__(self, face: int, size: int):
        super().__init__(face, size)
        self._scale = size / _HERSHEY_EM
        self._thickness = max(1, round(size / 18))
        self._glyphs = _strokes()[str(face)]

    def _measure(self, character: str) -> float:
        left, right, _ = self._glyphs[character]
        return (right - left) * self._scale

    def draw(self, image: Image.Image, x: float, y: float, text: str, ink) -> None:
        """Draw through a mask of the line's own size, so that the cost does not grow with the page."""
        import cv2

        up, pad = 2 * self.size, self._thickness + 2
        mask = np.zeros((up + self.size, int(self.width(text)) + self.size + 2 * pad), np.uint8)
        pen, lines = float(pad), []
        for character in text:
            left, right, strokes = self._glyphs[character]
            placed = ((stroke - (left, 9)) * self._scale + (pen, up) for stroke in strokes)
            lines += [np.round(stroke * 16).astype(np.int32) for stroke in placed]  # polylines takes 1/16 px
            pen += (right - left) * self._scale
        cv2.polylines(mask, lines, False, 255, self._thickness, cv2.LINE_AA, 4)
        image.paste(ink, (round(x) - pad, round(y) - up), Image.fromarray(mask))


class Family:
    """Faces of one design; `at(face, size)` gives the font."""

    def __init__(self, name: str, weight: float, sources: dict[str, str]):
        self.name, self.weight, self.sources = name, weight, sources

    def pick(self, rng) -> str:
        """A source of one face: mostly regular, then bold, then italic."""
        wanted = rng.choices(["Regular", "Bold", "Italic", "any"], [60, 20, 8, 12])[0]
        fitting = [source for face, source in self.sources.items() if wanted in ("any", face)]
        return rng.choice(fitting or list(self.sources.values()))


def _face(stem: str) -> str:
    _, dash, face = stem.partition("-")
    usual = {"Book": "Regular", "Roman": "Regular", "Oblique": "Italic", "RegularItalic": "Italic"}
    return usual.get(face, face) if dash else "Regular"


@functools.lru_cache(None)
def families(held: bool) -> tuple[list[Family], list[float]]:
    """Families to draw with and their weights; `held`: only the ones that training never sees."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(path for folder in sources.font_folders() for path in Path(folder).glob("**/*.[to]tf")):
        name = re.split(r"[-_.]", path.name)[0]
        if _UNFIT.search(path.name) or (name.startswith("Noto") and name not in _NOTO) or not path.exists():
            continue
        if name.startswith(HELD_OUT) == held:
            found.setdefault(name, {})[_face(path.stem)] = str(path)
    result = [Family(n, COMMON_WEIGHT if n in _COMMON else 1, faces) for n, faces in found.items()]
    if not held:
        result += _drawing_libraries()
    return result, [family.weight for family in result]


def _drawing_libraries() -> list[Family]:
    """The fonts inside Pillow, PyMuPDF and OpenCV, which need no system fonts at all."""
    weights = {"pillow:": _PILLOW_WEIGHT}
    weights |= {f"hershey:{face}": weight for face, weight in _HERSHEY_WEIGHT.items()}
    weights |= {f"base14:{code}": weight for code, weight in _BASE14_WEIGHT.items()}
    return [Family(source, weight, {"Regular": source}) for source, weight in weights.items()]


def pick(rng, held: bool = False) -> str:
    """A source of letters, to be given to `load` with a size."""
    known, weights = families(held)
    if not known:
        raise SystemExit(
            f"no fonts of {', '.join(HELD_OUT)} under {', '.join(sources.font_folders())}: "
            "install the packages that README.md names"
        )
    return rng.choices(known, weights)[0].pick(rng)


def rounded(size: int) -> int:
    """Sizes that are kept ready: every one up to 32 px, then ever fewer (a face costs more to load than to draw)."""
    step = 1 if size <= 32 else 2 if size <= 64 else 8
    return size // step * step


def load(source: str, size: int) -> Font:
    """The font of `source` at about `size` px, never larger."""
    return _load(source, rounded(size))


@functools.lru_cache(6000)
def _load(source: str, size: int) -> Font:
    kind, _, name = source.partition(":")
    if kind == "hershey":
        return HersheyFont(int(name), size)
    if kind == "pillow":
        return Font(ImageFont.load_default(size), size)
    data = io.BytesIO(_base14(name)) if kind == "base14" else source
    return Font(ImageFont.truetype(data, size, layout_engine=ImageFont.Layout.BASIC), size)


_base14 = functools.lru_cache(None)(sources.base14)  # read once: 40 kB a face
