"""smol ocr as it is typed: the built-in model reads pages that were drawn with known text."""

import shutil
import subprocess

import cv2
import pymupdf
import pytest
from documents import draw_document, pdf_of

from smolcli.checks.tuning import character_errors

MOST_ERRORS = 0.05  # of the characters of a clean page, likewise
LEAST_WORDS = 0.85  # of the words of a clean page that come out right, a close call here or there


def words_found(want, got):
    """The share of words that are there, in any order."""
    there = got.split()
    found = 0
    for word in want.split():
        if word in there:
            there.remove(word)
            found += 1
    return found / max(1, len(want.split()))


def save(path, rgb):
    assert cv2.imwrite(str(path), rgb[:, :, ::-1])
    return path


def text_pdf(path, *texts, size=14):
    with pymupdf.open() as pdf:
        for text in texts:
            page = pdf.new_page(width=400, height=300)
            if text:
                page.insert_text((40, 60), text, fontsize=size)
        pdf.save(path)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A page of few words, which is read in a moment, and what it says."""
    drawn = draw_document("large", 2, 100)
    return save(tmp_path_factory.mktemp("ocr") / "large.png", drawn.rgb), drawn


def test_a_scanned_page_is_read(smol, large):
    file, drawn = large
    done = smol("ocr", file)
    assert done.code == 0, done.err
    assert words_found(drawn.text, done.out) >= LEAST_WORDS
    assert "1 page: 1 read by the model." in done.err


@pytest.mark.parametrize("wear", [{"turn": 90}, {"turn": 180}, {"skew_deg": 3.0}, {"jpeg": 40, "noise": 6.0}], ids=str)
def test_a_page_that_lies_on_its_side_or_askew_or_is_worn_is_read_all_the_same(smol, tmp_path, wear):
    drawn = draw_document("large", 2, 100, **wear)
    done = smol("ocr", save(tmp_path / "page.png", drawn.rgb), "--json")
    record = done.record
    assert words_found(drawn.text, record["text"]) >= LEAST_WORDS - 0.1
    assert record["rotation"] == wear.get("turn", 0)
    assert abs(record["skew"] - wear.get("skew_deg", 0)) < 0.5


def test_text_that_a_page_has_is_taken_as_it_is_and_no_model_is_asked(smol, tmp_path):
    done = smol("ocr", text_pdf(tmp_path / "born.pdf", "Größe: £10", "second page"), "--json")
    first, second = done.records
    assert (first["text"], second["text"]) == ("Größe: £10", "second page")
    assert {record["text_from"] for record in (first, second)} == {"layer"}
    assert first["counts"]["encodes"] == first["counts"]["new_tokens"] == 0
    assert "2 pages: 2 from the text layer." in done.err


def test_a_form_feed_stands_between_pages(smol, tmp_path):
    done = smol("ocr", text_pdf(tmp_path / "born.pdf", "one", "two"))
    assert done.out == "one\n\ftwo\n"


def test_a_blank_page_costs_nothing_and_is_said_to_be_blank(smol, tmp_path):
    done = smol("ocr", save(tmp_path / "blank.png", draw_document("blank", 1, 100).rgb), "--json")
    record = done.record
    assert (record["text"], record["text_from"], record["counts"]["encodes"]) == ("", "", 0)
    assert "1 page: 1 blank." in done.err


@pytest.mark.parametrize(("dpi", "size"), [(None, "1653 2339"), (300, "2480 3508"), (72, "595 842")])
def test_a_page_is_drawn_as_finely_as_it_is_asked_for_whatever_the_model_s_own_size(smol, tmp_path, dpi, size):
    """An A4 page at 200 dpi, where nothing is said."""
    with pymupdf.open() as pdf:
        pdf.new_page(width=595.2, height=841.9)
        pdf.save(tmp_path / "blank.pdf")
    done = smol("ocr", tmp_path / "blank.pdf", "-f", "hocr", *(["--dpi", dpi] if dpi else []))
    assert f"bbox 0 0 {size};" in done.out
    assert "too large" not in done.err


def test_of_a_mixed_page_each_part_comes_from_where_it_is_exact(smol, tmp_path):
    drawn = draw_document("large", 3, 100)
    file = tmp_path / "mixed.pdf"
    file.write_bytes(pdf_of([drawn], "mixed"))
    record = smol("ocr", file, "--json").record
    assert record["text_from"] == "mixed"
    assert character_errors(drawn.text, record["text"]) <= MOST_ERRORS  # the block that is half of each is whole


def test_text_that_another_ocr_hid_is_not_trusted_and_that_is_said(smol, tmp_path, large):
    _, drawn = large
    with pymupdf.open("pdf", pdf_of([drawn], "scanned")) as pdf:
        pdf[0].insert_text((20, 40), "nonsense " * 5, render_mode=3)
        pdf.save(tmp_path / "hidden.pdf")
    done = smol("ocr", tmp_path / "hidden.pdf", "--json")
    record = done.record
    assert record["text_from"] == "model" and "nonsense" not in record["text"]
    assert "The text layer of page 1" in done.err and "is not used" in done.err


def test_regions_say_where_each_line_is(smol, large):
    file, drawn = large
    record = smol("ocr", file, "--json").record
    lines = [line for block in record["regions"] for line in block["children"] if line["kind"] == "line"]
    height, width = drawn.rgb.shape[:2]
    for line in drawn.lines:
        x, y = (line.box_px[0] + line.box_px[2]) / 2 / width, (line.box_px[1] + line.box_px[3]) / 2 / height
        around = [box for box in (each["box"] for each in lines) if box[1] <= y <= box[1] + box[3]]
        assert any(box[0] <= x <= box[0] + box[2] for box in around), line.text
    assert all(0 <= line["confidence"] <= 1 for line in lines)


def test_one_reading_comes_in_several_formats(smol, large, tmp_path):
    file, drawn = large
    outputs = [tmp_path / f"out.{end}" for end in ("txt", "md", "hocr", "tsv", "json", "pdf")]
    done = smol("ocr", file, *(word for path in outputs for word in ("-o", path)))
    assert (done.code, done.out) == (0, "")
    assert all(path.stat().st_size for path in outputs)
    with pymupdf.open(tmp_path / "out.pdf") as pdf:
        assert words_found(drawn.text, pdf[0].get_text()) >= LEAST_WORDS


def test_the_searchable_pdf_has_each_line_where_it_was_drawn(smol, tmp_path):
    drawn = draw_document("large", 2, 100)
    (tmp_path / "scan.pdf").write_bytes(pdf_of([drawn], "scanned"))
    done = smol("ocr", tmp_path / "scan.pdf", "-o", tmp_path / "out.pdf")
    assert done.code == 0, done.err
    text = smol("ocr", tmp_path / "scan.pdf").out  # known by now
    points = 72 / drawn.dpi
    with pymupdf.open(tmp_path / "out.pdf") as pdf:
        for line in drawn.lines:
            if line.text in text:
                found = pdf[0].search_for(line.text)
                middle, half = (line.box_px[1] + line.box_px[3]) / 2 * points, line.size_pt / 2
                assert any(abs((rect.y0 + rect.y1) / 2 - middle) <= half for rect in found), line.text
    if shutil.which("qpdf"):
        subprocess.run(["qpdf", "--check", tmp_path / "out.pdf"], check=True, capture_output=True)


def test_a_pdf_whose_pages_have_text_is_refused_unless_a_mode_is_named(smol, tmp_path):
    file = text_pdf(tmp_path / "born.pdf", "text")
    done = smol("ocr", file, "-o", tmp_path / "out.pdf")
    assert done.code == 2 and "--mode skip" in done.err
    assert not (tmp_path / "out.pdf").exists()
    assert smol("ocr", file, "-o", tmp_path / "out.pdf", "--mode", "skip").code == 0


def test_pages_that_are_only_left_as_they_are_cost_nothing_whatever_their_text_is_worth(smol, tmp_path, large):
    """--mode skip, where a PDF is all that is written: one of a page that another OCR has read."""
    with pymupdf.open("pdf", pdf_of([large[1]], "scanned")) as pdf:
        pdf[0].insert_text((20, 40), "nonsense " * 5, render_mode=3)
        pdf.save(tmp_path / "hidden.pdf")
    done = smol("ocr", tmp_path / "hidden.pdf", "-o", tmp_path / "out.pdf", "--mode", "skip", "--stats")
    assert done.code == 0, done.err
    assert "0 of 0 tiles" in done.err and "1 page: 1 from the text layer." in done.err
    with pymupdf.open(tmp_path / "out.pdf") as pdf:
        assert pdf[0].get_text().split() == ["nonsense"] * 5


def test_a_pdf_comes_through_a_pipe_and_goes_on_as_one(smol_process, tmp_path):
    file = text_pdf(tmp_path / "born.pdf", "text")
    done = smol_process("ocr", "-", "-o", tmp_path / "out.pdf", "--mode", "skip", stdin=file.read_bytes())
    assert done.code == 0, done.err
    with pymupdf.open(tmp_path / "out.pdf") as pdf:
        assert pdf[0].get_text().strip() == "text"


def test_a_folder_is_read_with_its_folders_documents_and_pictures(smol, tmp_path, large):
    file, _ = large
    (tmp_path / "inner").mkdir()
    shutil.copy(file, tmp_path / "inner" / "b.png")
    text_pdf(tmp_path / "a.pdf", "first")
    (tmp_path / "notes.txt").write_text("no document")
    found = [record["media"][0]["source"] for record in smol("ocr", "-r", tmp_path, "--json").records]
    assert found == [str(tmp_path / "a.pdf"), str(tmp_path / "inner" / "b.png")]


def test_a_file_that_cannot_be_read_is_one_failure_and_the_others_go_on(smol, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    done = smol("ocr", tmp_path / "bad.pdf", text_pdf(tmp_path / "good.pdf", "good"), tmp_path / "missing.pdf")
    assert (done.code, done.out) == (1, "good\n")
    assert "3 pages: 1 from the text layer, 2 failed." in done.err


def test_typed_again_a_page_is_known(smol, large, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path))
    file, _ = large
    first, again = smol("ocr", file, "--json").records[0], smol("ocr", file, "--json").records[0]
    assert again["cached"] and again["counts"]["encodes"] == 0
    assert (again["text"], again["regions"]) == (first["text"], first["regions"])


def test_lines_of_which_the_model_was_not_sure_are_marked_or_left_out(smol, large):
    file, _ = large
    sure = smol("ocr", file).out
    marked = smol("ocr", file, "--min-confidence", "1").out
    assert "[?] " in marked and marked.replace("[?] ", "") == sure
    left = smol("ocr", file, "--min-confidence", "1", "--drop-doubtful").out
    assert len(left) < len(sure)


def test_blocks_and_pages_can_be_read_as_one_picture_each(smol, large):
    file, _ = large
    for layout in ("blocks", "page"):
        record = smol("ocr", file, "--layout", layout, "--json").record
        assert record["text_from"] == "model"


def test_a_clip_is_no_document(smol, drawn):
    done = smol("ocr", drawn / "clip.mp4")
    assert done.code == 3 and "smol video" in done.err


def test_a_page_in_a_script_that_the_model_does_not_read_is_said_and_not_invented(smol, tmp_path, large):
    """PyMuPDF brings the letters for Chinese."""
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=300, height=80)
        page.insert_text((20, 40), "旧港口的水在晚餐前被带到窗边的", fontname="china-s", fontsize=14)
        page.get_pixmap(dpi=150).save(tmp_path / "chinese.png")
    done = smol("ocr", tmp_path / "chinese.png", large[0], "--json")
    assert done.code == 0, done.err
    chinese, latin = done.records
    assert (chinese["text"], chinese["regions"], latin["text"] != "") == ("", [], True)
    assert "script" in chinese["warnings"][0] and "chinese.png" in chinese["warnings"][0] and not latin["warnings"]
    assert "2 pages: 1 read by the model, 1 without a line that can be believed." in done.err


@pytest.mark.slow
@pytest.mark.parametrize(("dpi", "most"), [(150, 0.03), (200, 0.02), (300, 0.02)])
def test_clean_print_is_read_with_few_errors(smol, tmp_path, dpi, most):
    """A strip of an A4 page of 10 to 12-point print."""
    drawn = draw_document("lines", 3, dpi)
    end = (drawn.lines[5].box_px[3] + drawn.lines[6].box_px[1]) // 2
    text = smol("ocr", save(tmp_path / "page.png", drawn.rgb[:end])).out
    assert character_errors("\n".join(line.text for line in drawn.lines[:6]), text) <= most


@pytest.mark.parametrize("folder", [False, True], ids=["named", "in a folder"])
def test_a_second_file_for_one_pdf_is_refused_before_any_is_read(smol, tmp_path, folder):
    (tmp_path / "in").mkdir()
    files = [text_pdf(tmp_path / "in" / name, "Some words") for name in ("a.pdf", "b.pdf")]
    done = smol("ocr", *([tmp_path / "in"] if folder else files), "--mode", "skip", "-o", tmp_path / "out.pdf")
    assert done.code == 2
    assert "made of one file" in done.err
    assert "--output-dir" in done.err
    assert "from the text layer" not in done.err  # nothing was read
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize("turn", [0, 180])
@pytest.mark.parametrize("text", ["Dear Sir or Madam", "Thank you for your order"])
def test_a_page_of_one_line_is_read_whichever_way_up_it_lies(smol, tmp_path, text, turn):
    with pymupdf.open(text_pdf(tmp_path / "line.pdf", text, size=12)) as pdf:
        pdf[0].set_rotation(turn)
        pdf[0].get_pixmap(dpi=150).save(tmp_path / "line.png")
    assert smol("ocr", tmp_path / "line.png").out.strip() == text


def test_a_damaged_file_among_those_that_become_pdfs_is_one_failure(smol, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4\n" + bytes(range(256)))
    good = text_pdf(tmp_path / "good.pdf", "good")
    done = smol("ocr", tmp_path / "bad.pdf", good, "--mode", "skip", "--output-dir", tmp_path / "out", "-f", "pdf")
    assert done.code == 1
    assert "bad.pdf" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.pdf"]


def test_pdfs_beside_the_files_of_a_folder_are_refused_before_any_is_read(smol, tmp_path):
    text_pdf(tmp_path / "a.pdf", "some words")
    done = smol("ocr", tmp_path, "--sidecar", "pdf,txt", "--mode", "skip")
    assert done.code == 2
    assert "--output-dir" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert smol("ocr", tmp_path, "--sidecar", "txt").code == 0


@pytest.mark.parametrize("layout", ["lines", "blocks"])
def test_a_page_on_its_side_of_which_the_model_says_nothing_is_turned_until_it_reads(smol, tmp_path, layout):
    with pymupdf.open(text_pdf(tmp_path / "said.pdf", "The quick brown fox\njumps over the lazy dog", size=11)) as pdf:
        pdf[0].set_cropbox(pymupdf.Rect(20, 20, 320, 220))
        pdf[0].get_pixmap(dpi=150).save(tmp_path / "said.png")
    done = smol("ocr", tmp_path / "said.png", "--rotate", "90", "--layout", layout)
    assert "blank" not in done.err
    assert words_found("The quick brown fox jumps over the lazy", done.out) >= LEAST_WORDS
