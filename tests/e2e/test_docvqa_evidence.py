"""smol docvqa with the built-in model: the best answer of a document, its page and its place, or that there is none."""

import io
import shutil
import sys

import pytest
from asked_documents import anls, draw_form, draw_invoice, draw_report, iou, pdf_of_sheets
from document_sheet import Sheet
from drawing import draw_pdf


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """A folder of scanned forms, one of them in a folder of its own; and what they are asked."""
    folder = tmp_path_factory.mktemp("forms")
    (folder / "more").mkdir()
    drawn = {folder / "a.pdf": draw_form(0), folder / "more" / "b.pdf": draw_form(1)}
    for path, document in drawn.items():
        path.write_bytes(pdf_of_sheets(document.sheets, "scanned"))
    return folder, drawn


def test_answers_of_scanned_forms_are_right_have_their_place_and_are_not_invented(smol, forms):
    scores, places, abstained = [], [], []
    for path, document in forms[1].items():
        questions = [word for asked in document.asked for word in ("-Q", asked.question)]
        done = smol("docvqa", path, "-q", "--json", *questions)
        assert done.code == 0
        for asked, record in zip(document.asked, done.records, strict=True):
            assert record["question"] == asked.question and 0 < record["confidence"] <= 1
            if asked.answer is None:
                abstained.append(record["text"] == "not found" and "evidence" not in record)
            else:
                scores.append(anls(record["text"], asked.answer))
                places.append(iou(record["evidence"][0]["box"], asked.box))
        assert sum(record["counts"]["encodes"] > 0 for record in done.records[1:]) == 0  # the page was encoded once
    assert sum(scores) / len(scores) >= 0.9 and sum(abstained) >= len(abstained) - 1
    assert min(places) >= 0.6


def test_the_page_that_tells_is_found_in_a_long_report_and_what_was_read_is_said(smol, tmp_path):
    document = draw_report(5, pages=24, telling=1)
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_of_sheets(document.sheets, "born"))
    asked = document.asked[0]
    done = smol("docvqa", path, asked.question, "--top", "2")
    where, answer = done.out.rstrip("\n").split("\t")
    assert done.code == 0 and where == f"page {asked.page}" and anls(answer, asked.answer) >= 0.9
    assert f"Of the 24 pages of {path} pages" in done.err and "--all-pages" in done.err


def holds(box, drawn):
    """Whether the middle of what was drawn is in a box, which is no higher than a line or two."""
    x, y = drawn[0] + drawn[2] / 2, drawn[1] + drawn[3] / 2
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3] < box[1] + 4 * drawn[3]


@pytest.mark.parametrize(("mode", "least"), [("born", 0.95), ("scanned", 0.8)])
def test_a_page_in_the_print_of_offices_is_looked_at_closely_once_for_all_questions(smol, tmp_path, mode, least):
    document, path = draw_invoice(3), tmp_path / "invoice.pdf"
    path.write_bytes(pdf_of_sheets(document.sheets, mode))
    questions = [word for asked in document.asked for word in ("-Q", asked.question)]
    records = smol("docvqa", path, "-q", "--json", *questions).records
    pairs = list(zip(document.asked, records, strict=True))
    known = [(asked, record) for asked, record in pairs if asked.answer is not None]
    assert sum(anls(record["text"], asked.answer) for asked, record in known) / len(known) >= least
    assert all(record["text"] == "not found" for asked, record in pairs if asked.answer is None)
    right = [(asked, record) for asked, record in known if record["text"] == asked.answer]
    assert right and all(holds(record["evidence"][0]["box"], asked.box) for asked, record in right)
    assert [record["media"] for record in records] == [records[0]["media"]] * len(records)
    assert records[0]["media"][0]["page"] == 1 and sum(record["counts"]["encodes"] for record in records) < 60
    assert {record["page"] for record in records} == {1}


def test_scans_in_small_print_are_not_ranked_by_their_looks_in_silence(smol, tmp_path):
    sheets = [Sheet(), Sheet()]
    for sheet, text in zip(sheets, ("Total: $84.20", "City: Oslo"), strict=True):
        sheet.put((56, 80), text, 11)
        sheet.put((56, 100), "Thank you for reading", 11)
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf_of_sheets(sheets, "scanned"))
    found = smol("docvqa", path, "What is the total?", "--json", "--top", "1").record
    assert any("smol ocr" in note and "ranked by their looks" in note for note in found["warnings"])
    whole = smol("docvqa", path, "What is the total?", "--json", "--all-pages").record
    assert (whole["text"], whole["page"], whole["warnings"]) == ("$84.20", 1, [])


def test_values_that_stand_on_several_pages_are_marked_on_each(smol, tmp_path):
    path, folder = tmp_path / "two.pdf", tmp_path / "proof"
    draw_pdf(path, [{"text": text, "size": (200, 90), "height": 22} for text in ("Total: $84.20", "City: Oslo")])
    record = smol("docvqa", path, "-q", "--json", "--fields", "total,city", "--evidence", folder).record
    assert record["data"] == {"total": "$84.20", "city": "Oslo"}
    assert [place["page"] for place in record["evidence"]] == [1, 2]
    assert sorted(file.name for file in folder.iterdir()) == ["two.evidence.page-2.png", "two.evidence.png"]


def test_folders_are_asked_and_pictures_of_their_answers_lie_in_the_same_tree(smol, forms, tmp_path):
    folder, drawn = forms
    question = drawn[folder / "a.pdf"].asked[0].question
    argv = ("docvqa", "-q", "-r", folder, question, "--evidence", tmp_path / "proof")
    done = smol(*argv)
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [f"{path}#page=1" for path in drawn]
    assert (tmp_path / "proof" / "a.evidence.png").read_bytes()[1:4] == b"PNG"
    again = smol(*argv)
    assert again.code in (1, 6) and "--force" in again.err
    assert smol(*argv, "--force").out == done.out


def test_standard_input_is_asked_and_its_lines_are_read(smol, forms, monkeypatch):
    path, document = next(iter(forms[1].items()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    record = smol("docvqa", "-q", "-", document.asked[0].question, "--json").record
    assert anls(record["text"], document.asked[0].answer) >= 0.9 and record["evidence"][0]["uri"].startswith(
        "-#page=1&"
    )


def test_typed_again_nothing_is_computed_though_pages_were_ranked_and_lines_read(smol, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    document = draw_report(6, pages=5, telling=1)
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf_of_sheets(document.sheets, "scanned"))
    argv = ("docvqa", "-q", "--json", "--top", "2", "--max-tokens", "12", document.asked[0].question)
    first = smol(argv[0], path, *argv[1:]).record
    shutil.move(path, tmp_path / "renamed.pdf")
    again = smol(argv[0], tmp_path / "renamed.pdf", *argv[1:]).record
    assert not first["cached"] and again["cached"] and again["counts"]["encodes"] == 0
    assert (again["text"], again.get("page"), again["confidence"]) == (
        first["text"],
        first.get("page"),
        first["confidence"],
    )
    assert [place["box"] for place in again.get("evidence", [])] == [
        place["box"] for place in first.get("evidence", [])
    ]


def test_a_page_that_ocr_has_read_is_ranked_by_its_words_from_then_on(smol, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    document = draw_report(7, pages=4, telling=1)
    path, asked = tmp_path / "scan.pdf", document.asked[0]
    path.write_bytes(pdf_of_sheets(document.sheets, "scanned"))
    assert smol("ocr", "-q", path).code == 0
    done = smol("docvqa", path, asked.question, "--top", "1", "-v")
    assert done.out.startswith(f"page {asked.page}\t")
    assert sum("answer about" in line for line in done.err.splitlines()) == 1
    smol("cache", "forget", path)
    monkeypatch.chdir(tmp_path)
    assert not any(b"Chapter" in file.read_bytes() for file in (tmp_path / "cache").rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("What?", "--all-pages", "--per-page"), "do not go together"),
        (("--evidence", "proof"), "no question"),
        (("What?", "--top", "0"), "--top"),
        (("What?", "--least", "2"), "--least"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(smol, drawn, words, says):
    done = smol("docvqa", drawn / "doc.pdf", *words)
    assert done.code == 2 and done.out == "" and says in done.err
