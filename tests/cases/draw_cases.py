"""Inputs that tools of this trade were seen to fail on, rebuilt small: every picture, page and clip is drawn here.

    python tests/cases/draw_cases.py FOLDER

Clips need the ffmpeg program and are left out where it is missing. What is right for each stands in test_cases.py.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, TiffImagePlugin

EXPECTED: dict[str, dict] = {}
INK, WHITE = (20, 20, 30), (250, 250, 245)


def note(name: str, **what) -> str:
    EXPECTED[name] = what
    return name


def words(size, lines, px, paper=WHITE, ink=INK, mode="RGB"):
    picture = Image.new("RGB", size, paper)
    pen, font, step = ImageDraw.Draw(picture), ImageFont.load_default(size=px), 1.4 * px
    top = (size[1] - step * len(lines)) / 2
    for i, line in enumerate(lines):
        pen.text((size[0] / 2, top + (i + 0.5) * step), line, font=font, fill=ink, anchor="mm")
    return picture.convert(mode)


# ---------------------------------------------------------------- PDF, by hand


def obj(body: bytes) -> bytes:
    return body


def stream(data: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def pdf(
    objects: dict[int, bytes], root: int = 1, wrong: dict[int, int] | None = None, head=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
) -> bytes:
    out, at = bytearray(head), {}
    for number, body in objects.items():
        at[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    xref, most = len(out), max(objects) + 1
    out += f"xref\n0 {most}\n0000000000 65535 f \n".encode()
    for number in range(1, most):
        offset = (wrong or {}).get(number, at.get(number))
        out += f"{offset:010d} 00000 n \n".encode() if offset is not None else b"0000000000 65535 f \n"
    out += f"trailer\n<< /Size {most} /Root {root} 0 R >>\nstartxref\n{xref}\n%%EOF\n".encode()
    return bytes(out)


FONT = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


def text_page(lines, px=28) -> bytes:
    body = "".join(f"BT /F1 {px} Tf 25 {160 - 45 * i} Td ({line}) Tj ET\n" for i, line in enumerate(lines))
    return stream(body.encode())


def one_page(
    content: bytes,
    resources: str = FONT,
    extra: dict[int, bytes] | None = None,
    page: str = "",
    catalog: str = "",
    **more,
) -> bytes:
    return pdf(
        {
            1: f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 210] /Contents 4 0 R /Resources << {resources} >> {page} >>".encode(),
            4: content,
            **(extra or {}),
        },
        **more,
    )


SHOW = stream(b"q 420 0 0 210 0 0 cm /Im1 Do Q\n")
XIM = "/XObject << /Im1 5 0 R >>"


def scan(filter_name: str, data: bytes, extra: str = "") -> bytes:
    entries = f"/Type /XObject /Subtype /Image /Width 1260 /Height 630 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /{filter_name} {extra}"
    return stream(data, entries)


def broken_scans(folder: Path) -> None:
    """A page whose only content is a picture that cannot be decoded: viewers show white and report an error."""
    picture = words((1260, 630), ("Invoice 1042", "Date: 2024-03-05", "Total: $84.20"), 84)
    jpg = BytesIO()
    picture.save(jpg, "JPEG", quality=90)
    j2k = BytesIO()
    picture.save(j2k, "JPEG2000")
    good = one_page(SHOW, XIM, {5: scan("DCTDecode", jpg.getvalue())})
    (folder / note("scan_good.pdf", expect="the text of the page; no warning", blank=False)).write_bytes(good)
    cases = {
        "scan_jpx_unreadable.pdf": scan("JPXDecode", b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x55" * 4000),
        "scan_jpx_cut.pdf": scan("JPXDecode", j2k.getvalue()[: len(j2k.getvalue()) // 50]),
        "scan_jbig2_unreadable.pdf": scan("JBIG2Decode", b"\x97JB2" + b"\x11" * 4000)
        .replace(b"/BitsPerComponent 8", b"/BitsPerComponent 1")
        .replace(b"/DeviceRGB", b"/DeviceGray"),
        "scan_dct_unreadable.pdf": scan("DCTDecode", b"\x00" * 4000),
        "scan_dct_cut.pdf": scan("DCTDecode", jpg.getvalue()[: len(jpg.getvalue()) // 3]),
        "scan_unknown_filter.pdf": scan("MyOwnDecode", b"\x12" * 4000),
    }
    for name, body in cases.items():
        (
            folder / note(name, expect="an error, or a warning that a part of page 1 could not be drawn", blank=True)
        ).write_bytes(one_page(SHOW, XIM, {5: body}))
    lost = one_page(SHOW, XIM.replace("5 0 R", "99 0 R"))
    (
        folder / note("scan_object_missing.pdf", expect="a warning that a part of page 1 is missing", blank=True)
    ).write_bytes(lost)
    flate = zlib.compress(
        b"".join(
            b"BT /F1 28 Tf 25 %d Td (%s) Tj ET\n" % (160 - 45 * i, t)
            for i, t in enumerate((b"Invoice 1042", b"Date: 2024-03-05", b"Total: $84.20"))
        )
    )
    damaged = bytearray(flate)
    damaged[40:60] = b"\xff" * 20
    (
        folder / note("text_flate_damaged.pdf", expect="a warning that a part of page 1 could not be read", blank=True)
    ).write_bytes(one_page(stream(bytes(damaged), "/Filter /FlateDecode")))
    # three pages, the second cannot be drawn
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R 6 0 R 8 0 R] /Count 3 >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 210] /Contents 4 0 R /Resources << {FONT} >> >>".encode(),
        4: text_page(("Invoice 1042", "Total: $84.20")),
        5: cases["scan_jpx_unreadable.pdf"],
        6: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 210] /Contents 7 0 R /Resources << {XIM} >> >>".encode(),
        7: SHOW,
        8: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 210] /Contents 9 0 R /Resources << {FONT} >> >>".encode(),
        9: text_page(("Invoice 1057", "Total: $46.90")),
    }
    (
        folder
        / note(
            "three_pages_second_unreadable.pdf", expect="answers for 1 and 3; page 2 an error or warned about", exit=1
        )
    ).write_bytes(pdf(objects))
    # an xref that is wrong for one object only: found out when the page is read, not when the file is opened
    late = one_page(text_page(("Invoice 1042", "Total: $84.20")), wrong={4: 20})
    (
        folder / note("xref_wrong_for_contents.pdf", expect="the text, and the warning that the file was repaired")
    ).write_bytes(late)


def odd_documents(folder: Path) -> None:
    wait = ("Please wait...", "If this message is not replaced,", "upgrade your reader.")
    xdp = b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template><subform name="f"><field name="Total"><value><text>84.20</text></value></field></subform></template></xdp:xdp>'
    (
        folder / note("xfa_please_wait.pdf", expect="a warning: a dynamic XFA form, whose real pages cannot be drawn")
    ).write_bytes(
        one_page(
            text_page(wait, 22),
            extra={5: b"<< /Fields [] /XFA 6 0 R >>", 6: stream(xdp)},
            catalog="/AcroForm 5 0 R /NeedsRendering true",
        )
    )
    inner = one_page(text_page(("Invoice 1042", "Total: $84.20")))
    (folder / note("portfolio.pdf", expect="a warning: a portfolio, its 1 embedded file is not read")).write_bytes(
        one_page(
            text_page(("For the best experience,", "open this PDF portfolio", "in Acrobat.")),
            extra={
                5: stream(inner, "/Type /EmbeddedFile /Subtype /application#2Fpdf"),
                6: b"<< /Type /Filespec /F (invoice.pdf) /UF (invoice.pdf) /EF << /F 5 0 R >> >>",
            },
            catalog="/Collection << /View /D >> /Names << /EmbeddedFiles << /Names [(invoice.pdf) 6 0 R] >> >>",
        )
    )
    widget = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (Total) /V ($84.20) /Rect [120 60 400 110] /DA (/Helv 28 Tf 0 g) /F 4 >>"
    form = "<< /Fields [5 0 R] /NeedAppearances true /DA (/Helv 28 Tf 0 g) /DR << /Font << /Helv << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
    (
        folder / note("form_without_appearance.pdf", expect="Total: $84.20 (the value of the field is drawn)")
    ).write_bytes(
        one_page(
            stream(b"BT /F1 28 Tf 25 75 Td (Total:) Tj ET"),
            extra={5: widget.encode(), 6: form.encode()},
            page="/Annots [5 0 R]",
            catalog="/AcroForm 6 0 R",
        )
    )
    layered = b"/OC /L1 BDC BT /F1 28 Tf 25 150 Td (Invoice 1042) Tj ET EMC /OC /L2 BDC BT /F1 28 Tf 25 60 Td (Secret draft) Tj ET EMC"
    (folder / note("layers.pdf", expect="Invoice 1042 only (the second layer is off)")).write_bytes(
        one_page(
            stream(layered),
            FONT + " /Properties << /L1 5 0 R /L2 6 0 R >>",
            {5: b"<< /Type /OCG /Name (shown) >>", 6: b"<< /Type /OCG /Name (hidden) >>"},
            catalog="/OCProperties << /OCGs [5 0 R 6 0 R] /D << /ON [5 0 R] /OFF [6 0 R] >> >>",
        )
    )
    page = "/Rotate 90 /CropBox [0 0 420 105] /UserUnit 10"
    (
        folder
        / note(
            "rotated_cropped_userunit.pdf", expect="page is 105 x 420 turned upright: taller than wide", size_ratio=0.25
        )
    ).write_bytes(one_page(text_page(("Gone", "Gone", "Total: $84.20")), page=page))
    plain = one_page(text_page(("Invoice 1042", "Total: $84.20")))
    (
        folder / note("head_after_1024.pdf", expect="read, or an error that says it is a PDF with junk before it")
    ).write_bytes(b"X-Header: mail gateway\r\n" * 60 + plain)
    (folder / note("two_scans_in_a.zip", expect="an error: a ZIP archive; unpack it")).write_bytes(
        stored_zip({"a.pdf": plain, "b.pdf": one_page(text_page(("Invoice 1057", "Total: $46.90")))})
    )
    (folder / note("about_pdf.txt", expect="an error: it is text")).write_text(
        "A PDF file starts with %PDF-1.7 and ends with %%EOF.\n" * 40
    )
    upside = words((1260, 630), ("Invoice 1042", "Date: 2024-03-05", "Total: $84.20"), 84).rotate(180)
    jpg = BytesIO()
    upside.save(jpg, "JPEG", quality=90)
    (folder / note("scan_upside_down.pdf", expect="a way to say that it stands upside down")).write_bytes(
        one_page(SHOW, XIM, {5: scan("DCTDecode", jpg.getvalue())})
    )


def stored_zip(files: dict[str, bytes]) -> bytes:
    import zipfile

    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


# ---------------------------------------------------------------- pictures


def tiff(ifds: list[tuple[Image.Image, int, list]], chained: list[int]) -> bytes:
    """A little-endian TIFF. ifds: (picture, NewSubfileType, indices of its SubIFDs); chained: the main chain."""
    out = bytearray(b"II*\0\0\0\0\0")
    place: dict[int, int] = {}
    pending: dict[int, int] = {}
    order = sorted(range(len(ifds)), key=lambda i: -i)  # SubIFDs before their parents
    strips = {}
    for i, (picture, _, _) in enumerate(ifds):
        strips[i] = len(out)
        out += picture.convert("RGB").tobytes()
        out += b"\0" * (len(out) % 2)
    bits = len(out)
    out += struct.pack("<HHH", 8, 8, 8) + b"\0\0"
    for i in order:
        picture, kind, subs = ifds[i]
        tags = [
            (254, 4, 1, kind), (256, 4, 1, picture.width), (257, 4, 1, picture.height), (258, 3, 3, bits), (259, 3, 1, 1),
            (262, 3, 1, 2), (273, 4, 1, strips[i]), (277, 3, 1, 3), (278, 4, 1, picture.height), (279, 4, 1, picture.width * picture.height * 3),
        ]  # fmt: skip
        if subs:
            tags.append((330, 4, 1, place[subs[0]]))
            tags.append((50706, 1, 4, 0x00000401))  # DNGVersion 1.4.0.0
        place[i] = len(out)
        out += struct.pack("<H", len(tags))
        for tag in sorted(tags):
            out += struct.pack("<HHII", *tag)
        pending[i] = len(out)
        out += struct.pack("<I", 0)
    struct.pack_into("<I", out, 4, place[chained[0]])
    for a, b in zip(chained, chained[1:]):
        struct.pack_into("<I", out, pending[a], place[b])
    return bytes(out)


def planar_tiff(picture: Image.Image, kind: str) -> bytes:
    """Three planes one after the other (PlanarConfiguration 2): "H" 16-bit whole numbers; "f" 32-bit floats, interleaved."""
    values = np.asarray(picture.convert("RGB"))
    deep = values.astype("<u2") * 257 if kind == "H" else (values / 255).astype("<f4")
    data = np.moveaxis(deep, 2, 0).tobytes() if kind == "H" else deep.tobytes()
    width, height, each = picture.width, picture.height, deep.itemsize
    planes = 3 if kind == "H" else 1
    out = bytearray(b"II*\0\0\0\0\0") + data
    arrays = {}
    for name, numbers in {"bits": [8 * each] * 3, "formats": [1 if kind == "H" else 3] * 3}.items():
        arrays[name] = len(out)
        out += struct.pack("<3H", *numbers) + b"\0\0"
    size = width * height * each * (3 // planes)
    arrays["offsets"], arrays["counts"] = len(out), len(out) + 12
    out += struct.pack("<3I", *(8 + i * size for i in range(3))) + struct.pack("<3I", *[size] * 3)
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, arrays["bits"]), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, planes, arrays["offsets"] if planes == 3 else 8), (277, 3, 1, 3), (278, 4, 1, height),
        (279, 4, planes, arrays["counts"] if planes == 3 else size), (284, 3, 1, 2 if planes == 3 else 1), (339, 3, 3, arrays["formats"]),
    ]  # fmt: skip
    struct.pack_into("<I", out, 4, len(out))
    out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", 0)
    return bytes(out)


def pictures(folder: Path) -> None:
    full = words((1600, 1200), ("Market Street", "Exit 24"), 150)
    thumb = full.resize((160, 120))
    (
        folder
        / note(
            "camera.dng",
            expect="an error that names camera raw, or the 1600 x 1200 picture; never 160 x 120 in silence",
            size=[1600, 1200],
        )
    ).write_bytes(tiff([(thumb, 1, [1]), (full, 0, [])], [0]))
    (folder / note("tiff_with_thumbnail.tif", expect="one picture of 1600 x 1200", pages=1)).write_bytes(
        tiff([(full, 0, []), (thumb, 1, [])], [0, 1])
    )
    (folder / note("tiff_pyramid.tif", expect="one picture of 1600 x 1200", pages=1)).write_bytes(
        tiff(
            [(full, 0, []), (full.resize((800, 600)), 1, []), (full.resize((400, 300)), 1, []), (thumb, 1, [])],
            [0, 1, 2, 3],
        )
    )
    (folder / note("tiff_thumbnail_first.tif", expect="one picture of 1600 x 1200", pages=1)).write_bytes(
        tiff([(thumb, 1, []), (full, 0, [])], [0, 1])
    )
    # fax: 204 x 98 dots an inch, the page is 1728 x 2290 squares
    page = words((1728, 2290), ("Invoice 1042", "Date: 2024-03-05", "Total: $84.20"), 190)
    fax = page.resize((1728, 1100)).convert("1")
    fax.save(
        folder
        / note(
            "fax_204x98.tif",
            expect="shape 1728 x 2290 (pixels are 2.08 times as high as wide)",
            ratio=round(1728 / 2290, 3),
        ),
        dpi=(204, 98),
        compression="group3",
    )
    squashed = words((1000, 1000), ("Market Street", "Exit 24"), 100).resize((1000, 500))
    squashed.save(
        folder / note("png_phys_1x2.png", expect="shape 1 : 1 (pHYs says pixels are twice as high as wide)", ratio=1.0),
        dpi=(200, 100),
    )
    squashed.save(
        folder / note("jpg_density_1x2.jpg", expect="shape 1 : 1 (JFIF density 200 x 100)", ratio=1.0), dpi=(200, 100)
    )
    # transparency
    paper = Image.new("RGBA", (640, 480), (255, 255, 255, 0))
    mask = words((640, 480), ("Market Street", "Exit 24"), 44, (0, 0, 0), (255, 255, 255), "L")
    white_ink = paper.copy()
    white_ink.putalpha(mask)
    white_ink.save(
        folder
        / note(
            "white_on_transparent.png",
            expect="the words are visible to the model, or a warning",
            text="Market Street Exit 24",
        )
    )
    black_ink = Image.new("RGBA", (640, 480), (0, 0, 0, 0))
    black_ink.putalpha(mask)
    black_ink.save(folder / note("black_on_transparent.png", expect="the words", text="Market Street Exit 24"))
    # animations whose first picture says nothing
    frames = [
        Image.new("RGB", (320, 240), WHITE),
        words((320, 240), ("Winter",), 48),
        words((320, 240), ("Spring",), 48),
    ]
    for name in ("animation.gif", "animation.webp", "animation.png"):
        note(name, expect="a note that 1 of 3 pictures is read (and --all-frames reads all)", pictures=3)
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=1000, loop=0)
    # tall
    tall = Image.new("RGB", (400, 12000), "white")
    pen, font = ImageDraw.Draw(tall), ImageFont.load_default(size=28)
    for i in range(300):
        pen.text((20, 10 + 40 * i), f"Line {i + 1} of the chat", font=font, fill="black")
    tall.save(
        folder
        / note(
            "tall_screenshot.png",
            expect="a note that letters of 28 px are read at about 5 px (or it is cut into parts)",
        )
    )
    # 12 bits in 16
    grey = np.asarray(words((640, 480), ("Market Street", "Exit 24"), 44, mode="L")).astype(np.uint16) << 4
    Image.fromarray(grey).save(
        folder
        / note("grey_12_in_16_bits.png", expect="the words; not a nearly black picture", text="Market Street Exit 24")
    )
    # a TIFF of pages with different orientation tags
    upright = words((640, 320), ("Page one",), 80)
    turned = words((640, 320), ("Page two",), 80).transpose(Image.Transpose.ROTATE_90)
    extra = TiffImagePlugin.ImageFileDirectory_v2()
    extra[274] = 1
    second = TiffImagePlugin.ImageFileDirectory_v2()
    second[274] = 6
    with TiffImagePlugin.AppendingTiffWriter(str(folder / "tiff_mixed_orientation.tif"), True) as writer:
        upright.save(writer, format="TIFF", tiffinfo=extra)
        writer.newFrame()
        turned.save(writer, format="TIFF", tiffinfo=second)
    note("tiff_mixed_orientation.tif", expect="both pages 640 x 320 upright", sizes=[[640, 320], [640, 320]])
    sign = words((640, 480), ("Market Street", "Exit 24"), 44)
    (
        folder
        / note(
            "rgb16_planar.tif", expect="the words, or an error; not a scrambled picture", text="Market Street Exit 24"
        )
    ).write_bytes(planar_tiff(sign, "H"))
    (
        folder / note("rgb_float32.tif", expect="read, or an error that says it is a TIFF of a kind that is not read")
    ).write_bytes(planar_tiff(sign, "f"))
    # what Pillow does not read
    (folder / note("photo.jxl", expect="an error that says JPEG XL; listed by caption, not left out")).write_bytes(
        b"\x00\x00\x00\x0cJXL \r\n\x87\n" + b"\0" * 400
    )
    plain = words((64, 48), ("A",), 30)
    jpg = BytesIO()
    plain.save(jpg, "JPEG")
    data = bytearray(jpg.getvalue())
    data[data.index(b"\xff\xc0") + 4] = 12
    (
        folder / note("twelve_bit_header.jpg", expect="an error that says it is a JPEG of a kind that is not read")
    ).write_bytes(bytes(data))
    many = folder / "many"
    many.mkdir(exist_ok=True)
    for i in range(1100):
        Image.new("L", (8, 8), i % 256).save(many / f"{i:04d}.png")
    note("many/", expect="an error about tokens and context, not about open files")


# ---------------------------------------------------------------- clips


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)


def clips(folder: Path) -> None:
    if shutil.which("ffmpeg") is None:
        return
    with tempfile.TemporaryDirectory() as box:
        base = Path(box)
        words((320, 240), ("Winter",), 48).save(base / "winter.png")
        words((320, 240), ("Spring",), 48).save(base / "spring.png")
        words((320, 240), ("Album",), 48, (250, 205, 40)).save(base / "cover.jpg")
        # a screen recording: 1 s of typing at 100 frames a second, then a picture a second for 9 s
        steps = [("winter.png", 0.01)] * 100 + [("spring.png", 1.0)] * 9
        lines = (
            "".join(f"file {base / name}\nduration {length}\n" for name, length in steps)
            + f"file {base / 'spring.png'}\n"
        )
        (base / "steps.txt").write_text(lines)
        for name in ("vfr.mp4", "vfr.webm"):
            codec = ("-c:v", "libx264", "-bf", "0") if name.endswith("mp4") else ("-c:v", "libvpx-vp9", "-b:v", "200k")
            note(
                name,
                expect="about 10 frames, one a second: 1 of Winter, 9 of Spring; times 0 … 9 s; no word of damage",
                winter=1,
                spring=9,
            )
            ffmpeg(
                "-f",
                "concat",
                "-safe",
                "0",
                "-i",
                str(base / "steps.txt"),
                "-fps_mode",
                "vfr",
                "-enc_time_base",
                "1:1000",
                *codec,
                "-pix_fmt",
                "yuv420p",
                str(folder / name),
            )
        ffmpeg(
            "-loop",
            "1",
            "-framerate",
            "2",
            "-t",
            "4",
            "-i",
            str(base / "winter.png"),
            "-vf",
            "scale=160:240,setsar=2",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            str(folder / note("sar_2x1.mp4", expect="shape 320 x 240", ratio=round(4 / 3, 3))),
        )
        ffmpeg(
            "-loop",
            "1",
            "-framerate",
            "2",
            "-t",
            "6",
            "-i",
            str(base / "winter.png"),
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-metadata:s:v",
            "rotate=0",
            str(base / "w.mp4"),
        )
        how = (
            ("-display_rotation", "90", "-i", str(base / "w.mp4"))
            if _has_display_rotation()
            else ("-i", str(base / "w.mp4"), "-metadata:s:v", "rotate=90")
        )
        ffmpeg(*how, "-c", "copy", str(folder / note("rotated.mp4", expect="240 x 320, turned", size=[240, 320])))
        # cover art: as the first stream, and with sound only
        ffmpeg(
            "-i",
            str(base / "cover.jpg"),
            "-i",
            str(base / "w.mp4"),
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            "-disposition:v:0",
            "attached_pic",
            "-disposition:v:1",
            "default",
            str(
                folder
                / note("cover_first.mp4", expect="frames of the clip (Winter), not the cover (Album)", text="Winter")
            ),
        )
        ffmpeg(
            "-i",
            str(base / "cover.jpg"),
            "-i",
            str(base / "w.mp4"),
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            "-disposition:v:0",
            "attached_pic",
            str(
                folder
                / note("cover_first.mkv", expect="frames of the clip (Winter), not the cover (Album)", text="Winter")
            ),
        )
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "sine=duration=5",
            "-i",
            str(base / "cover.jpg"),
            "-map",
            "0",
            "-map",
            "1",
            "-c:a",
            "aac",
            "-c:v",
            "copy",
            "-disposition:v:0",
            "attached_pic",
            str(folder / note("song_with_cover.m4a", expect="an error: sound with a cover picture, no clip")),
        )
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "sine=duration=5",
            "-c:a",
            "aac",
            str(folder / note("song.m4a", expect="an error: sound, no pictures")),
        )
        # cut without re-encoding: an edit list hides the frames before the cut
        ffmpeg(
            "-loop",
            "1",
            "-framerate",
            "10",
            "-t",
            "5",
            "-i",
            str(base / "winter.png"),
            "-loop",
            "1",
            "-framerate",
            "10",
            "-t",
            "5",
            "-i",
            str(base / "spring.png"),
            "-filter_complex",
            "[0:v][1:v]concat=n=2:v=1",
            "-g",
            "100",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            str(base / "ws.mp4"),
        )
        ffmpeg(
            "-ss",
            "6",
            "-i",
            str(base / "ws.mp4"),
            "-c",
            "copy",
            str(
                folder
                / note(
                    "cut_with_edit_list.mp4", expect="4 s, Spring only, no word of damage", text="Spring", duration_s=4
                )
            ),
        )
        ffmpeg(
            "-ss",
            "9.5",
            "-i",
            str(base / "ws.mp4"),
            "-c",
            "copy",
            str(
                folder
                / note(
                    "cut_last_half_second.mp4",
                    expect="0.5 s, 1 frame (as one a second), no word of damage",
                    text="Spring",
                    duration_s=0.5,
                )
            ),
        )
        # cut short in the middle of its data
        ffmpeg("-i", str(base / "ws.mp4"), "-c", "copy", "-movflags", "+faststart", str(base / "fast.mp4"))
        data = (base / "fast.mp4").read_bytes()
        (folder / note("cut_short.mp4", expect="frames up to the break and a warning that it is damaged")).write_bytes(
            data[: len(data) * 6 // 10]
        )
        (folder / note("no_moov.mp4", expect="an error: unfinished clip")).write_bytes(
            (base / "ws.mp4").read_bytes()[:6000]
        )
        ffmpeg(
            "-i",
            str(base / "ws.mp4"),
            "-c",
            "copy",
            "-output_ts_offset",
            "3600",
            str(folder / note("starts_at_one_hour.ts", expect="10 s, times from 0", duration_s=10)),
        )
        ffmpeg(
            "-i",
            str(base / "ws.mp4"),
            "-c:v",
            "libvpx-vp9",
            "-pix_fmt",
            "yuva420p",
            "-b:v",
            "200k",
            str(folder / note("alpha.webm", expect="read")),
        )
        ffmpeg(
            "-i",
            str(base / "ws.mp4"),
            "-c:v",
            "prores_ks",
            "-pix_fmt",
            "yuv422p10le",
            "-t",
            "2",
            str(folder / note("prores.mov", expect="read", text="Winter")),
        )
        # interlaced: OpenCV 4.13 and 5.0 hand out memory that nothing was written to, and say that all is well
        still = ("-loop", "1", "-framerate", "25", "-t", "2", "-i", str(base / "winter.png"), "-vf", "scale=720:576")
        for name, codec in {
            "interlaced_h264.mts": ("-c:v", "libx264", "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p"),
            "interlaced_dvd.mpg": (
                "-c:v",
                "mpeg2video",
                "-flags",
                "+ildct+ilme",
                "-top",
                "1",
                "-pix_fmt",
                "yuv420p",
                "-b:v",
                "4M",
            ),
            "interlaced_prores.mov": ("-c:v", "prores_ks", "-flags", "+ildct", "-top", "1", "-pix_fmt", "yuv422p10le"),
        }.items():
            ffmpeg(
                *still,
                *codec,
                str(
                    folder
                    / note(
                        name,
                        expect="frames of Winter (mean of all bytes about 243), or an error",
                        text="Winter",
                        mean=243,
                    )
                ),
            )
        ffmpeg(
            "-i",
            str(base / "ws.mp4"),
            "-c:v",
            "libsvtav1",
            str(folder / note("av1.mp4", expect="read, or an error that names AV1", text="Winter")),
        )
        # a name that is no UTF-8 (an old archive, a USB stick): also as the folder that one stands in
        (folder / "names").mkdir(exist_ok=True)
        odd = os.path.join(os.fsencode(folder), b"names", b"caf\xe9.mp4")
        with open(odd, "wb") as file:
            file.write((base / "ws.mp4").read_bytes())
        note("names/caf\\xe9.mp4", expect="read, or exit 3 with `Rename it`; never a crash", text="Winter")
        ffmpeg(
            "-i",
            str(base / "ws.mp4"),
            "-vf",
            "fps=5",
            str(folder / note("clip.gif", expect="`smol video` describes it: it is a clip of 10 s", duration_s=10)),
        )


def _has_display_rotation() -> bool:
    return (
        "display_rotation"
        in subprocess.run(["ffmpeg", "-h", "full"], capture_output=True, text=True, check=False).stdout
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    broken_scans(folder)
    odd_documents(folder)
    pictures(folder)
    clips(folder)
    (folder.parent / "expected.json").write_text(json.dumps(EXPECTED, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "in")
