"""Draw the inputs of the examples: `python examples/draw_inputs.py [FOLDER]` writes them (default: beside this file).

Large, short, clean print on purpose: that is what the built-in model reads. Letters come from Pillow's and PyMuPDF's
own fonts, so no system font is needed.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import pymupdf
from PIL import Image, ImageDraw, ImageFont

INK, WHITE, YELLOW = (20, 20, 30), (250, 250, 245), (250, 205, 40)
INVOICES = (
    ("Invoice 1042", "Date: 2024-03-05", "Total: $84.20"),
    ("Invoice 1057", "Date: 2024-04-12", "Total: $46.90"),
)
LETTER = (
    ("The Garden Company", 15, 70),
    ("12 Harbour Street, Newport", 10, 92),
    ("Newport, 5 March 2024", 10, 140),
    ("Dear Mr. Brown,", 10, 176),
    ("thank you for your letter of last week. The seven chairs", 10, 200),
    ("and the long table that you asked for are ready and will", 10, 215),
    ("be brought to your house on Friday before noon.", 10, 230),
    ("The price is 1998.50 EUR, to be paid within 30 days.", 10, 254),
    ("Yours sincerely,", 10, 290),
    ("Anna Winter", 10, 330),
)
SIGNS = {
    "bakery": ("Bakery", YELLOW),
    "coffee": ("Coffee", WHITE),
    "exit": ("Exit", YELLOW),
    "library": ("Library", WHITE),
}


def write_lines(picture: Image.Image, lines: tuple[str, ...], size_px: int) -> None:
    """Centred lines of letters `size_px` high."""
    pen, font, step = ImageDraw.Draw(picture), ImageFont.load_default(size=size_px), 1.4 * size_px
    x, top = picture.width / 2, (picture.height - step * len(lines)) / 2
    for i, line in enumerate(lines):
        pen.text((x, top + (i + 0.5) * step), line, font=font, fill=INK, anchor="mm")


def draw_street_sign(path: Path) -> None:
    """A sign before a grey sky with a little camera noise, 640×480."""
    down = np.linspace(0, 1, 480)[:, None, None]
    sky = np.array([205, 215, 225]) * (1 - down) + np.array([150, 155, 160]) * down
    noise = np.random.default_rng(7).normal(0, 3, (480, 640, 3))
    picture = Image.fromarray(np.clip(sky + noise, 0, 255).astype(np.uint8))
    ImageDraw.Draw(picture).rounded_rectangle((32, 72, 608, 408), 16, fill=WHITE)
    write_lines(picture, ("Harbour Street", "Exit 24"), 44)
    picture.save(path, quality=92)


def draw_invoices(path: Path) -> None:
    """A PDF of two small pages."""
    document = pymupdf.open()
    for lines in INVOICES:
        page = document.new_page(width=420, height=210)
        for i, line in enumerate(lines):
            page.insert_text((25, 45 + 45 * i), line, fontsize=28, fontname="helv")
    document.save(path, deflate=True, no_new_id=True)


def draw_letter(path: Path) -> None:
    """A letter as a scanner leaves it: a page that is one grey picture, a little askew, and no text."""
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=380)
        for line, size_pt, y in LETTER:
            page.insert_text((48, y), line, fontsize=size_pt, fontname="helv")
        drawn = page.get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.h, drawn.w)
    askew = cv2.getRotationMatrix2D((drawn.w / 2, drawn.h / 2), 1.2, 1.0)
    grey = cv2.warpAffine(grey, askew, (drawn.w, drawn.h), flags=cv2.INTER_CUBIC, borderValue=255)
    noise = np.random.default_rng(7).normal(0, 2, grey.shape)
    scan = np.clip(grey * 0.94 + noise, 0, 255).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", scan, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()
    with pymupdf.open() as document:
        page = document.new_page(width=420, height=380)
        page.insert_image(page.rect, stream=jpeg)
        document.save(path, deflate=True, no_new_id=True)


def draw_clip(path: Path) -> None:
    """Four seconds, 320×240, two frames a second: one word, then another."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 2, (320, 240))
    for word in ("Winter",) * 4 + ("Spring",) * 4:
        frame = Image.new("RGB", (320, 240), WHITE)
        write_lines(frame, (word,), 48)
        writer.write(np.asarray(frame)[:, :, ::-1].copy())
    writer.release()


def draw_signs(folder: Path) -> None:
    """Four door signs, 320×240."""
    folder.mkdir(exist_ok=True)
    for name, (text, paper) in SIGNS.items():
        picture = Image.new("RGB", (320, 240), (190, 200, 205))
        ImageDraw.Draw(picture).rounded_rectangle((16, 40, 304, 200), 12, fill=paper)
        write_lines(picture, (text,), 52)
        picture.save(folder / f"{name}.png", optimize=True)


def main(folder: Path) -> None:
    draw_street_sign(folder / "sign.jpg")
    draw_invoices(folder / "invoices.pdf")
    draw_letter(folder / "letter.pdf")
    draw_clip(folder / "clip.mp4")
    draw_signs(folder / "signs")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
