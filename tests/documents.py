"""Documents drawn for tests: a kind and a seed go in, the page's pixels, its known lines and their boxes come out.

    page = draw_document("columns2", seed=3, dpi=200, skew_deg=1.5, noise=8)
    page.rgb, page.text, page.lines[0].box_px
    pdf_of([page, other], "scanned")

Kinds: KINDS. Wear: the fields of Wear, or `wear="worn"` for a seeded mixture of what scanners do. Fonts are those that
PyMuPDF carries, so that a page is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np
import pymupdf
from document_kinds import KINDS
from document_sheet import Sheet, ink_boxes

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Wear:
    """What happens to a page on its way to the reader.

    turn: by how many degrees (0, 90, 180, 270) it must be turned clockwise to stand upright again. skew_deg: by how
    many degrees clockwise it must be turned further to be level. noise: standard deviation in grey levels. jpeg: its
    quality; 0 for none. blur: sigma in pixels at 200 dpi. shade: how dark one side gets, 0 to 1. specks: dark dots a
    square inch. fade: how much of the contrast goes, 0 to 1. through: contrast of the back page that shines through.
    """

    turn: int = 0
    skew_deg: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    blur: float = 0.0
    shade: float = 0.0
    specks: float = 0.0
    fade: float = 0.0
    through: float = 0.0


@dataclass(frozen=True)
class Known:
    """A line that was drawn: its text, where its ink is, and what it is part of.

    box_px: on the page as given, whatever was done to it. straight_px: on the page turned upright and made level.
    block: 0-based number of its block in reading order; column: of its column, 0 for what spans all. row: of a table's
    or receipt's row, -1 elsewhere. kind: "heading", "body", "list", "cell", "header", "footer". size_pt: the em.
    """

    text: str
    box_px: Box
    straight_px: Box
    block: int
    column: int
    row: int
    kind: str
    size_pt: float
    dark: bool


@dataclass(frozen=True)
class Drawn:
    """A drawn page. rgb: uint8 (H, W, 3), worn. lines: in reading order. sheet: how it was drawn, for `pdf_of`."""

    kind: str
    rgb: np.ndarray
    lines: tuple[Known, ...]
    dpi: int
    wear: Wear = field(repr=False)
    sheet: Sheet = field(repr=False)

    @property
    def text(self) -> str:
        """Its lines in reading order; the cells of a row stand on one line, a tab between them."""
        said: list[str] = []
        last = None
        for line in self.lines:
            row = (line.block, line.row) if line.row >= 0 else None
            if row is not None and row == last:
                said[-1] += "\t" + line.text
            else:
                said.append(line.text)
            last = row
        return "\n".join(said)


def draw_document(kind: str, seed: int, dpi: int = 200, wear: str | Wear = "clean", **worn: float) -> Drawn:
    """A page of a kind. wear: "clean", "worn" (drawn from the seed), or a Wear; single fields of it as keywords."""
    if kind not in KINDS:
        raise ValueError(f"no document is called {kind}; known: {', '.join(KINDS)}")
    if unknown := set(worn) - {entry.name for entry in fields(Wear)}:
        raise ValueError(f"no wear is called {', '.join(sorted(unknown))}")
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    sheet = KINDS[kind](rng)
    chosen = wear if isinstance(wear, Wear) else scanned(rng) if wear == "worn" else Wear()
    chosen = Wear(**{entry.name: worn.get(entry.name, getattr(chosen, entry.name)) for entry in fields(Wear)})
    clean = sheet.pixels(dpi)
    boxes = ink_boxes(sheet, dpi)
    rgb = worn_page(clean, chosen, dpi, rng)
    lines = tuple(
        Known(
            text.text, moved(box, clean.shape[1::-1], chosen), box, text.block, text.column, text.row, text.kind,
            text.size, text.colour[0] > 0.5,
        )
        for text, box in zip(sheet.texts, boxes, strict=True)
    )  # fmt: skip
    return Drawn(kind, rgb, lines, dpi, chosen, sheet)


def scanned(rng: np.random.Generator) -> Wear:
    """What an office scanner, a copier or a fax did to a page."""
    return Wear(
        skew_deg=float(rng.uniform(-3, 3)),
        noise=float(rng.uniform(2, 14)),
        jpeg=int(rng.integers(35, 85)),
        blur=float(rng.uniform(0.3, 1.1)),
        shade=float(rng.uniform(0, 0.35)),
        specks=float(rng.uniform(0, 8)),
        fade=float(rng.uniform(0, 0.4)),
        through=float(rng.choice([0, 0, rng.uniform(0.02, 0.08)])),
    )


def worn_page(rgb: np.ndarray, wear: Wear, dpi: int, rng: np.random.Generator) -> np.ndarray:
    """The page as it comes out of the wear, uint8 (H, W, 3); on its side where it was turned so."""
    import cv2

    page = rgb.astype(np.float32)
    height, width = page.shape[:2]
    paper = np.median(page.reshape(-1, 3)[::97], axis=0)
    if wear.through:
        page -= (255 - page[:, ::-1]) * wear.through
    if wear.fade:
        page = paper + (page - paper) * (1 - wear.fade)
    if wear.skew_deg:  # turning a picture by a positive angle of OpenCV's is anti-clockwise
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), wear.skew_deg, 1.0)
        page = cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=paper.tolist())
    if wear.blur:
        page = cv2.GaussianBlur(page, (0, 0), wear.blur * dpi / 200)
    if wear.shade:
        slope = np.linspace(0, 1, width, dtype=np.float32) ** 3
        page *= (1 - wear.shade * slope)[None, :, None]
    for _ in range(int(wear.specks * width * height / dpi**2)):
        at = int(rng.integers(0, width)), int(rng.integers(0, height))
        cv2.circle(page, at, int(rng.integers(0, max(2, dpi // 120))), (float(rng.integers(0, 120)),) * 3, -1)
    if wear.noise:
        page += rng.standard_normal((height, width, 1), dtype=np.float32) * wear.noise
    done = np.clip(page, 0, 255).astype(np.uint8)
    if wear.turn:  # to stand upright it is turned clockwise by `turn`, so it was turned the other way
        done = np.ascontiguousarray(np.rot90(done, wear.turn // 90))
    if wear.jpeg:
        _, packed = cv2.imencode(".jpg", done[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, wear.jpeg])
        done = np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[:, :, ::-1])
    return done


def moved(box: Box, size_px: tuple[int, int], wear: Wear) -> Box:
    """Where a box of the clean page (size_px: its width and height) lies on the worn one, as an upright box."""
    width, height = size_px
    middle = np.array([width / 2, height / 2])
    corners = np.array([[x, y] for x in box[::2] for y in box[1::2]], float) - middle
    angle = math.radians(wear.skew_deg)  # anti-clockwise on a picture whose y points down
    x, y = corners.T
    x, y = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    for _ in range(wear.turn // 90):  # each a quarter anti-clockwise
        x, y, width, height = y, -x, height, width
    left, top = x.min() + width / 2, y.min() + height / 2
    right, bottom = x.max() + width / 2, y.max() + height / 2
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def pdf_of(pages: Iterable[Drawn], mode: str = "scanned") -> bytes:
    """A PDF of drawn pages: "born" (text), "scanned" (pictures only), "mixed" (text above, a picture of text below)."""
    if mode not in ("born", "scanned", "mixed"):
        raise ValueError(f"no mode is called {mode}; known: born, scanned, mixed")
    with pymupdf.open() as pdf:
        for page in pages:
            width, height = (side * 72 / page.dpi for side in page.rgb.shape[1::-1])
            sheet = pdf.new_page(width=width, height=height)
            if mode == "born":
                page.sheet.draw_on(sheet)
            elif mode == "scanned":
                sheet.insert_image(sheet.rect, stream=packed(page.rgb, page.wear.jpeg))
            else:
                cut = split_pt(page)
                page.sheet.draw_on(sheet, above_pt=cut)
                below = page.rgb[round(cut * page.dpi / 72) :]
                top = height - below.shape[0] * 72 / page.dpi
                sheet.insert_image(pymupdf.Rect(0, top, width, height), stream=packed(below, page.wear.jpeg))
        return pdf.tobytes(deflate=True)


def split_pt(page: Drawn) -> float:
    """The height (points from the top) amid the page's lines that cuts none of them: a mixed page's two halves."""
    taken = np.zeros(page.rgb.shape[0] + 1, bool)
    for line in page.lines:
        taken[max(0, line.box_px[1] - 1) : line.box_px[3] + 2] = True
    free = np.flatnonzero(~taken)
    middle = np.median([line.box_px[1] for line in page.lines]) if page.lines else page.rgb.shape[0] / 2
    return float(free[np.argmin(np.abs(free - middle))]) * 72 / page.dpi


def packed(rgb: np.ndarray, quality: int) -> bytes:
    """A picture as JPEG of a quality, or as PNG where that is 0."""
    import cv2

    kind, flags = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality]) if quality else (".png", [])
    return cv2.imencode(kind, np.ascontiguousarray(rgb[:, :, ::-1]), flags)[1].tobytes()
