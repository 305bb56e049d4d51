"""Many threads decode at once, each its own files, and get what one thread gets: pictures, warnings and errors."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from drawing import GOLDEN, draw_clip, draw_pdf, pdf_of, sha256, synth
from PIL import Image
from test_media import damaged_tiff

from smolcli.errors import SmolError
from smolcli.media import MediaOptions, open_media

THREADS = 8
OPTIONS = MediaOptions(longest_edge_px=160, all_frames=True, max_frames=3, max_pixels=500_000)
LARGE = MediaOptions(longest_edge_px=160, max_pixels=5_000_000)


def pdf_with_a_part_missing(path: Path) -> None:
    """A page of which a part is missing: MuPDF complains, and draws the rest."""
    text = b"BT /F 20 Tf 10 10 Td (HELLO) Tj ET /Missing Do 1 0 0 rg 0 0 30 30 re f"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page]
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    path.write_bytes(pdf_of([*objects, b"<</Length %d>>\nstream\n%s\nendstream" % (len(text), text), font]))


def icon(path: Path, side_px: int) -> None:
    """An icon that says it is 16 x 16 pixels, and holds a PNG of another size."""
    inner = io.BytesIO()
    Image.new("1", (side_px, side_px)).save(inner, "PNG")
    png = inner.getvalue()
    header = b"\0\0\1\0\1\0" + bytes([16, 16, 0, 0, 1, 0, 32, 0]) + len(png).to_bytes(4, "little") + b"\x16\0\0\0"
    path.write_bytes(header + png)


def draw_all(folder: Path) -> None:
    pages = [{"size": (200, 100 + number), "text": f"page {number}", "rotate": 90 * number} for number in range(3)]
    draw_pdf(folder / "three.pdf", pages)
    draw_pdf(folder / "locked.pdf", pages[:1], password="x")
    (folder / "cut.pdf").write_bytes((folder / "three.pdf").read_bytes()[:-150])
    pdf_with_a_part_missing(folder / "part.pdf")
    colours = [Image.fromarray(synth(60, 40, seed)) for seed in range(3)]
    for name, kind, more in [
        ("a.png", "PNG", {}),
        ("a.jpg", "JPEG", {}),
        ("a.webp", "WEBP", {"lossless": True}),
        ("a.bmp", "BMP", {}),
        ("lzw.tif", "TIFF", {"compression": "tiff_lzw"}),
        ("moving.gif", "GIF", {"save_all": True, "append_images": colours[1:]}),
        ("pages.tif", "TIFF", {"save_all": True, "append_images": colours[1:], "compression": "jpeg"}),
    ]:
        colours[0].save(folder / name, kind, **more)
    damaged_tiff(folder / "damaged.tif")
    Image.new("1", (1000, 1000)).save(folder / "bomb.png")  # for one of the limits
    icon(folder / "bomb.ico", 1000)
    icon(folder / "small.ico", 32)
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:600])
    (folder / "cut.gif").write_bytes((folder / "moving.gif").read_bytes()[:900])
    (folder / "notes.txt").write_text("no picture at all\n" * 9)
    draw_clip(folder / "a.mp4", 60)
    draw_clip(folder / "a.avi", 60, fourcc="MJPG")
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:2000])


def outcome(path: Path, options: MediaOptions):
    """All that a user could see of a file."""
    frames = []
    try:
        with open_media(str(path), options) as media:
            sizes = [outline.size_px for outline in media.outlines]
            frames.extend(
                (frame.place, frame.rgb.shape, sha256(frame.rgb.tobytes()), media.text(frame.place), frame.warnings)
                for frame in media.frames()
            )
            return sizes, frames, media.warnings
    except SmolError as error:
        return type(error).__name__, error.message, error.hint, frames


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    draw_all(folder)
    return sorted(folder.iterdir()) + sorted((GOLDEN / "images").glob("rgb*"))


def all_at_once(tasks):
    """What each of the threads got of every task, in an order of its own."""
    order, begin = random.Random(1), threading.Barrier(THREADS)

    def thread(own):
        begin.wait(60)
        return [(task, outcome(*task)) for task in own]

    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # a thread gives way wherever it may
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(thread, [order.sample(tasks, len(tasks)) for _ in range(THREADS)]))
    finally:
        sys.setswitchinterval(usual_s)
    return [each for own in found for each in own]


def compare(files: list[Path], threads_first: bool = False) -> None:
    """Raise AssertionError where a thread in company got anything else than one alone."""
    tasks = [(path, options) for path in files for options in (OPTIONS, LARGE)]
    found = all_at_once(tasks) if threads_first else []
    expected = {task: outcome(*task) for task in tasks}
    for task, came in found or all_at_once(tasks):
        assert came == expected[task], task
    said = repr(expected)
    for words in ("limit is 500000 pixels", "damaged or unfinished", "A part of page", "encrypted"):
        assert words in said
    small, large = (expected[files[0].parent / "bomb.ico", options] for options in (OPTIONS, LARGE))
    assert small[0] == "MediaError" and large[0] == [(1000, 1000)]


def test_eight_threads_get_what_one_thread_gets(files):
    compare(files)


def test_the_first_files_of_a_process_may_be_opened_by_eight_threads_at_once(files):
    """The decoders are loaded meanwhile, and Pillow's one by one."""
    code = (
        "import sys, pathlib\nsys.path.insert(0, sys.argv[1])\nfrom test_media_threads import compare\n"
        "compare([pathlib.Path(name) for name in sys.argv[2:]], threads_first=True)"
    )
    run = [sys.executable, "-c", code, Path(__file__).parent, *files]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_decoder_that_another_thread_adds_just_now_is_not_overlooked(tmp_path):
    """Pillow looks at a copy of its list of formats, which has them by then."""
    Image.fromarray(synth(60, 40, 1)).save(tmp_path / "a.webp", lossless=True)
    late = (
        "import sys\nfrom PIL import Image\nfrom smolcli.media import MediaOptions, open_media\n"
        "class Late(list):\n    def copy(self):\n        Image.init()\n        return list(self)\n"
        "Image.ID = Late(Image.ID)\n"
    )
    for code, is_read in (
        ("Image.open(open(sys.argv[1], 'rb'))", False),
        ("open_media(sys.argv[1], MediaOptions())", True),
    ):
        run = [sys.executable, "-c", late + code, tmp_path / "a.webp"]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == is_read and ("UnidentifiedImageError" in done.stderr) != is_read


def test_many_threads_may_read_one_document_one_picture_or_one_clip(files):
    folder = files[0].parent
    for name in ("three.pdf", "pages.tif", "moving.gif", "a.avi"):
        with open_media(str(folder / name), OPTIONS) as media:
            places = [outline.place for outline in media.outlines]
            expected = {place: media.frame(place).rgb.tobytes() for place in places}
            with ThreadPoolExecutor(THREADS) as pool:
                asked = random.Random(name).choices(places, k=48)
                frames = list(pool.map(media.frame, asked))
            assert [frame.rgb.tobytes() for frame in frames] == [expected[place] for place in asked], name
            assert len(set(expected.values())) == len(places) > 1
