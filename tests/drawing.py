"""Media drawn for tests: pictures, PDFs and clips, small and the same everywhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"


def sha256(data) -> str:
    return hashlib.sha256(data).hexdigest()


def golden(name: str):
    """The cases of a golden file."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))["cases"]


def synth(width: int, height: int, seed: int) -> np.ndarray:
    """The picture that the goldens were made from, uint8 (height, width, 3): gradients, checks and hash noise.

    Unsigned 64-bit integer arithmetic only, so that it is the same on every machine.
    """
    x = np.arange(width, dtype=np.uint64)[None, :]
    y = np.arange(height, dtype=np.uint64)[:, None]
    s = np.uint64(seed)
    n = x * np.uint64(73856093) ^ y * np.uint64(19349663) ^ s * np.uint64(83492791)
    n = n & np.uint64(0xFFFFFFFF)
    n = ((n ^ (n >> np.uint64(13))) * np.uint64(1274126177)) & np.uint64(0xFFFFFFFF)
    n = n ^ (n >> np.uint64(16))
    gx = x * np.uint64(191) // np.uint64(max(width - 1, 1))
    gy = y * np.uint64(191) // np.uint64(max(height - 1, 1))
    check = ((x // np.uint64(17) + y // np.uint64(23) + s) % np.uint64(2)) * np.uint64(96)
    r = gx + (n & np.uint64(63))
    g = gy + ((n >> np.uint64(8)) & np.uint64(63))
    b = check + (gx + gy) // np.uint64(4) + ((n >> np.uint64(16)) & np.uint64(63))
    return np.stack([np.broadcast_to(c, (height, width)) for c in (r, g, b)], -1).astype(np.uint8)


def draw_text(path, text: str, size: tuple[int, int] = (512, 512), height: int = 110) -> str:
    """Write a picture of one line of large black print on white."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", size, "white")
    middle = (size[0] // 2, size[1] // 2)
    ImageDraw.Draw(picture).text(middle, text, "black", ImageFont.load_default(height), anchor="mm")
    picture.save(str(path))
    return str(path)


def draw_pdf(path, pages, password: str | None = None) -> str:
    """Write a PDF.

    Each of pages: {"size": (w, h) points, "text", "height", "rotate", "crop", "fill": [(rect, (r, g, b))]}.
    """
    import pymupdf

    document = pymupdf.open()
    for page in pages:
        width, height = page.get("size", (595, 842))
        sheet = document.new_page(width=width, height=height)
        for rect, colour in page.get("fill", []):
            sheet.draw_rect(pymupdf.Rect(rect), color=None, fill=colour)
        if page.get("text"):
            height_pt = page.get("height", 18)
            sheet.insert_text((20, 22 + height_pt), page["text"], fontsize=height_pt)
        if page.get("crop"):
            sheet.set_cropbox(pymupdf.Rect(page["crop"]))
        sheet.set_rotation(page.get("rotate", 0))
    if password is None:
        document.save(str(path))
    else:
        document.save(str(path), encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw=password)
    document.close()
    return str(path)


def pdf_of(objects) -> bytes:
    """A PDF written by hand from the bodies of its objects 1, 2, …; the first is the catalogue."""
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return data + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


CLIP_SIZE = (96, 64)  # width, height


def draw_clip(path, total: int, fps: float = 30.0, fourcc: str = "mp4v") -> str:
    """Write a clip whose frame n says n: reddish, white square top left, n in twelve bars."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, CLIP_SIZE)
    assert writer.isOpened()
    for number in range(total):
        bgr = np.full((CLIP_SIZE[1], CLIP_SIZE[0], 3), (20, 60, 200), np.uint8)
        bgr[:12, :12] = 255
        for bit in range(12):
            bgr[40:60, bit * 8 : bit * 8 + 8] = 255 if number >> bit & 1 else 0
        writer.write(bgr)
    writer.release()
    return str(path)


def clip_number(rgb: np.ndarray) -> int:
    """The number that a frame of draw_clip says."""
    return sum(1 << bit for bit in range(12) if rgb[45:55, bit * 8 + 2 : bit * 8 + 6].mean() > 128)


def rotate_clip(path, degrees: int) -> None:
    """Make an MP4 say that it is to be shown turned clockwise: the matrix of its track header (ISO/IEC 14496-12)."""
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(Path(path).read_bytes())
    at = data.find(b"tkhd") + 4 + 4 + 4 * 5 + 8 + 8
    matrix = [a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    Path(path).write_bytes(data)


def slow_down_clip(path, first: int, rest: int, factor: int) -> None:
    """Make an MP4 of first + rest frames show its last `rest` frames `factor` times as long: a variable frame rate."""
    data = bytearray(Path(path).read_bytes())
    for tag in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):  # each grows by one entry of 8 bytes
        at = data.rfind(tag) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + 8).to_bytes(4, "big")
    at = data.rfind(b"edts")
    data[at : at + 4] = b"free"  # the edit list would end the clip at its old length
    at = data.rfind(b"stts") + 4 + 4
    assert int.from_bytes(data[at : at + 4], "big") == 1, "one entry: a constant rate"
    delta = int.from_bytes(data[at + 8 : at + 12], "big")
    table = [2, first, delta, rest, delta * factor]
    data[at : at + 12] = b"".join(value.to_bytes(4, "big") for value in table)
    Path(path).write_bytes(data)


def forget_clip_length(path) -> None:
    """Strike duration and frame rate from a Matroska file, as a browser's recording has neither."""
    data = bytearray(Path(path).read_bytes())
    for element in (b"\x44\x89\x88", b"\x23\xe3\x83\x84"):  # Duration (8 bytes), DefaultDuration (4 bytes)
        at = data.find(element)
        assert at > 0
        length = len(element) + (element[-1] & 0x0F)
        data[at : at + length] = b"\xec" + bytes([0x80 | (length - 2)]) + bytes(length - 2)  # Void
    Path(path).write_bytes(data)
