"""Documents: size, turn, crop, text, pages, passwords, and PDFs that lie."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_pdf, pdf_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_media import refused

from smolcli.errors import EncryptedError, MediaError, UsageError
from smolcli.media import MediaOptions, open_media
from smolcli.media.reading import Input

RED, BLUE = (1, 0, 0), (0, 0, 1)
CORNERS = [((0, 0, 50, 50), RED), ((150, 50, 200, 100), BLUE)]  # of a page of 200 x 100 points


def texts(path, **options):
    """(page, text layer) of every page."""
    with open_media(str(path), MediaOptions(**options)) as media:
        return [(place.page, media.text(place)) for place in media.places]


def read(path, **options):
    with open_media(str(path), MediaOptions(**options)) as media:
        frames = list(media.frames())
        assert [(f.rgb.shape[1], f.rgb.shape[0]) for f in frames] == [o.size_px for o in media.outlines]
        return frames, media.warnings


def one_page(size: bytes, extra: bytes = b"") -> bytes:
    """A hand-written PDF of one empty page whose MediaBox is `size`."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]%s>>" % (size, extra)
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page])


def test_pages_come_with_their_numbers_and_text_one_at_a_time(tmp_path):
    path = draw_pdf(tmp_path / "a.pdf", [{"text": f"Seite {number}"} for number in (1, 2, 3)])
    with open_media(path, MediaOptions(longest_edge_px=100)) as media:
        assert media.source.kind == "page"
        assert media.video is None
        pages = media.frames()
        first = next(pages)
        assert (first.place.page, first.place.index, first.place.label) == (1, 0, "page 1")
        assert media.text(first.place) == "Seite 1"
        assert [(page.place.page, media.text(page.place)) for page in pages] == [(2, "Seite 2"), (3, "Seite 3")]
        assert media.warnings == []


def test_a_page_without_text_has_none(tmp_path):
    (page,), _ = read(draw_pdf(tmp_path / "a.pdf", [{}]), longest_edge_px=50)
    assert texts(tmp_path / "a.pdf") == [(1, "")]
    assert (page.rgb == 255).all()


@pytest.mark.parametrize(
    ("size", "pixels"), [((595, 842), (1447, 2048)), ((842, 595), (2048, 1447)), ((30, 20), (2048, 1365))]
)
def test_a_page_is_drawn_to_the_model_s_longest_edge(tmp_path, size, pixels):
    (page,), _ = read(draw_pdf(tmp_path / "a.pdf", [{"size": size}]))
    assert (page.rgb.shape[1], page.rgb.shape[0]) == pixels


def test_an_explicit_resolution_is_honoured(tmp_path):
    (page,), warnings = read(draw_pdf(tmp_path / "a.pdf", [{"size": (720, 360)}]), dpi=100)
    assert page.rgb.shape == (500, 1000, 3)
    assert warnings == []


def test_an_explicit_resolution_stops_at_four_longest_edges_and_says_so(tmp_path):
    (tmp_path / "a.pdf").write_bytes(one_page(b"0 0 14400 7200"))
    (page,), warnings = read(tmp_path / "a.pdf", dpi=600, longest_edge_px=200)
    assert page.rgb.shape == (400, 800, 3)
    with open_media(str(tmp_path / "a.pdf"), MediaOptions(dpi=600, longest_edge_px=200)) as media:
        [outline] = media.outlines
    assert not warnings and not page.warnings
    assert outline.warnings == (f"Page 1 of {str(tmp_path / 'a.pdf')!r} is too large: drawn at 4 dpi.",)


def test_an_explicit_resolution_stops_at_the_pixel_limit(tmp_path):
    (page,), warnings = read(draw_pdf(tmp_path / "a.pdf", [{"size": (100, 100)}]), dpi=720, max_pixels=250_000)
    assert page.rgb.shape == (500, 500, 3)
    assert not warnings


def test_a_resolution_of_nothing_is_refused(tmp_path):
    assert "0 dpi" in refused(draw_pdf(tmp_path / "a.pdf", [{}]), MediaOptions(dpi=0), UsageError).message


def test_colours_stand_where_they_were_drawn(tmp_path):
    (page,), _ = read(draw_pdf(tmp_path / "a.pdf", [{"size": (200, 100), "fill": CORNERS}]), longest_edge_px=200)
    assert page.rgb[10, 10].tolist() == [255, 0, 0]
    assert page.rgb[90, 190].tolist() == [0, 0, 255]
    assert page.rgb[90, 10].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("degrees", "red_at"), [(90, (10, -10)), (180, (-10, -10)), (270, (-10, 10))])
def test_a_turned_page_is_drawn_as_it_is_shown(tmp_path, degrees, red_at):
    page = {"size": (200, 100), "fill": CORNERS, "rotate": degrees}
    (frame,), _ = read(draw_pdf(tmp_path / "a.pdf", [page]), longest_edge_px=200)
    assert frame.rgb.shape[:2] == ((100, 200) if degrees == 180 else (200, 100))
    assert frame.rgb[red_at].tolist() == [255, 0, 0]


def test_only_the_crop_box_is_drawn(tmp_path):
    page = {"size": (200, 100), "fill": CORNERS, "crop": (140, 40, 200, 100)}
    (frame,), _ = read(draw_pdf(tmp_path / "a.pdf", [page]), longest_edge_px=60)
    assert frame.rgb.shape == (60, 60, 3)
    assert frame.rgb[30, 30].tolist() == [0, 0, 255]


def test_chosen_pages_come_in_the_order_asked(tmp_path):
    path = draw_pdf(tmp_path / "a.pdf", [{"text": str(number)} for number in range(1, 6)])
    frames, _ = read(path, pages="4-end,1", longest_edge_px=50)
    assert [frame.place.page for frame in frames] == [4, 5, 1]
    assert texts(path, pages="4-end,1") == [(4, "4"), (5, "5"), (1, "1")]
    assert "There are 5 pages" in refused(path, MediaOptions(pages="6"), UsageError).hint


def test_a_locked_document_opens_with_its_password_only(tmp_path):
    path = draw_pdf(tmp_path / "a.pdf", [{"text": "secret"}], password="Schlüssel")
    error = refused(path, error=EncryptedError)
    assert (error.exit_code, "--password" in error.hint) == (8, True)
    assert "does not open" in refused(path, MediaOptions(password="wrong"), EncryptedError).message
    assert texts(path, password="Schlüssel") == [(1, "secret")]


def test_a_password_that_is_not_needed_does_no_harm(tmp_path):
    assert len(read(draw_pdf(tmp_path / "a.pdf", [{}]), password="x", longest_edge_px=50)[0]) == 1


def test_a_document_without_pages_is_refused(tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]))
    assert "no pages" in refused(tmp_path / "a.pdf").message


def test_a_pdf_header_with_nothing_behind_it_is_refused(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nnothing here\n")
    assert "PDF" in refused(tmp_path / "a.pdf").message


def test_a_truncated_document_says_that_it_was_repaired(tmp_path):
    whole = Path(draw_pdf(tmp_path / "b.pdf", [{"text": "one"}, {"text": "two"}])).read_bytes()
    (tmp_path / "a.pdf").write_bytes(whole[:-120])
    frames, warnings = read(tmp_path / "a.pdf", longest_edge_px=50)
    assert frames
    assert "damaged and was repaired" in warnings[0]


@pytest.mark.parametrize(
    "size", [b"0 0 1e9 1", b"0 0 1 1e9", b"0 0 99999 99999", b"-5 -5 1e30 1e30", b"0 0 0 0", b"a b"]
)
def test_a_page_that_lies_about_its_size_cannot_take_much_memory(tmp_path, size):
    (tmp_path / "a.pdf").write_bytes(one_page(size))
    for dpi in (None, 72):
        (page,), _ = read(tmp_path / "a.pdf", dpi=dpi, longest_edge_px=256)
        assert max(page.rgb.shape) <= 1024


def test_a_page_s_own_unit_is_taken_into_account(tmp_path):
    (tmp_path / "a.pdf").write_bytes(one_page(b"0 0 100 50", b"/UserUnit 2"))
    (page,), _ = read(tmp_path / "a.pdf", dpi=72)
    assert page.rgb.shape == (100, 200, 3)


@settings(max_examples=60, deadline=None)
@given(st.floats(3, 3000), st.floats(3, 3000), st.integers(16, 700), st.sampled_from([b"", b"/Rotate 90"]))
def test_the_size_promised_is_the_size_drawn(tmp_path_factory, width, height, edge, turn):
    path = tmp_path_factory.mktemp("pdf") / "a.pdf"
    path.write_bytes(one_page(b"0 0 %.3f %.3f" % (width, height), turn))
    (page,), _ = read(path, longest_edge_px=edge)
    assert max(page.rgb.shape[:2]) == edge
    assert isinstance(page.rgb, np.ndarray)


def test_a_closed_document_is_an_error_and_no_crash(tmp_path):
    media = open_media(draw_pdf(tmp_path / "a.pdf", [{}]), MediaOptions())
    outlines = media.outlines
    media.close()
    media.close()
    assert outlines
    with pytest.raises(Exception, match="has been closed"):
        next(media.frames())


def test_what_mupdf_quotes_of_a_page_cannot_steer_the_terminal(tmp_path):
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 50 50]/Contents 4 0 R>>"
    (tmp_path / "a.pdf").write_bytes(pdf_of([*objects, page, b"<</Length 6>>\nstream\n1\xba\x1b[2J\nendstream"]))
    message = refused(tmp_path / "a.pdf").message
    assert "could not be drawn" in message and message.isprintable()


def test_only_the_pages_that_are_asked_about_are_loaded(tmp_path, monkeypatch):
    import pymupdf

    path = draw_pdf(tmp_path / "a.pdf", [{"size": (200, 100 + number)} for number in range(1000)])
    loaded, load = [], pymupdf.Document.load_page
    monkeypatch.setattr(pymupdf.Document, "load_page", lambda document, at: (loaded.append(at), load(document, at))[1])
    with open_media(path, MediaOptions(longest_edge_px=100)) as media:
        assert len(media.outlines) == 1000 and loaded == []
        assert next(media.frames()).place == media.outlines[0].place and set(loaded) == {0}
        assert media.outlines[-1].size_px == (18, 100) and set(loaded) == {0, 999}
        assert [outline.place.page for outline in media.outlines[10:40:10]] == [11, 21, 31]
        with pytest.raises(IndexError):
            media.outlines[1000]
        assert len(list(media.outlines)) == 1000 == len(set(loaded))


def test_what_is_said_of_a_page_s_size_is_said_once(tmp_path):
    (tmp_path / "a.pdf").write_bytes(one_page(b"0 0 14400 7200"))
    with open_media(str(tmp_path / "a.pdf"), MediaOptions(dpi=600, longest_edge_px=200)) as media:
        for _ in range(3):
            assert media.outlines[0].size_px == (800, 400)
            assert len(media.outlines[0].warnings) == 1
        assert not media.warnings


def test_a_document_on_disk_is_not_read_into_memory(tmp_path, monkeypatch):
    path = draw_pdf(tmp_path / "a.pdf", [{"text": "one"}])
    monkeypatch.setattr(Input, "read_all", lambda _: pytest.fail("it was read into memory"))
    read(path, longest_edge_px=50)
    assert texts(path) == [(1, "one")]


@pytest.mark.parametrize(
    ("name", "before"),
    [("a.pdf", b"% a letter\n" * 200), ("a.SVG", b""), (os.fsdecode(b"caf\xe9.pdf"), b"")],
    ids=ascii,
)
def test_a_document_that_mupdf_cannot_open_by_name_is_read_all_the_same(tmp_path, name, before):
    data = Path(draw_pdf(tmp_path / "plain", [{"text": "one"}, {"text": "two"}])).read_bytes()
    try:
        (tmp_path / name).write_bytes(before + data)
    except OSError:
        pytest.skip("this file system keeps names in UTF-8")
    _, warnings = read(tmp_path / name, longest_edge_px=50)
    assert texts(tmp_path / name) == [(1, "one"), (2, "two")]
    assert all("repaired" in warning for warning in warnings)


def test_a_document_that_changes_while_it_is_read_is_an_error_and_no_guess(tmp_path):
    path = Path(draw_pdf(tmp_path / "a.pdf", [{"text": "one"}, {"text": "two"}]))
    for change in (
        lambda: path.write_bytes(b"%PDF-1.7"),
        lambda: path.write_bytes(b""),
        lambda: os.utime(path, (1, 1)),
    ):
        draw_pdf(path, [{"text": "one"}, {"text": "two"}])
        with open_media(str(path), MediaOptions(longest_edge_px=50)) as media:
            assert media.text(next(media.frames()).place) == "one"
            change()
            with pytest.raises(MediaError, match="has changed while it was being read"):
                media.frame(media.outlines[1].place)


@pytest.mark.parametrize("how", ["removed", "replaced", "cut"])
def test_a_document_that_changes_before_it_is_opened_is_an_error(tmp_path, monkeypatch, how):
    import pymupdf

    path = Path(draw_pdf(tmp_path / "a.pdf", [{"text": "one"}]))
    other = Path(draw_pdf(tmp_path / "b.pdf", [{"text": "two"}]))
    change = {"removed": path.unlink, "replaced": lambda: other.replace(path), "cut": lambda: path.write_bytes(b"%PDF")}
    opened = pymupdf.open
    monkeypatch.setattr(pymupdf, "open", lambda **source: (change[how](), opened(**source))[1])
    assert "has changed" in refused(path).message


@pytest.mark.skipif(os.name != "posix", reason="an open file can be removed where names are not files")
def test_a_document_that_is_removed_while_it_is_open_is_read_to_its_end(tmp_path):
    path = Path(draw_pdf(tmp_path / "a.pdf", [{"text": "one"}, {"text": "two"}]))
    with open_media(str(path), MediaOptions(longest_edge_px=50)) as media:
        path.unlink()
        assert [media.text(page.place) for page in media.frames()] == ["one", "two"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux tells which files are open")
def test_a_closed_or_refused_document_leaves_no_file_open(tmp_path):
    path = draw_pdf(tmp_path / "a.pdf", [{"text": "one"}], password="x")

    def held():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
        return [link for link in links if link.resolve() == Path(path).resolve()]

    refused(path, error=EncryptedError)
    with open_media(path, MediaOptions(password="x", longest_edge_px=50)) as media:
        assert len(list(media.frames())) == 1 and held()
    assert held() == []
