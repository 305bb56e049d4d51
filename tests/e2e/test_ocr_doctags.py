"""smol ocr with a tiny SmolDocling: its tags become text, places and any format; a loop of it is said."""

import re

import pymupdf
import pytest
from drawing import draw_pdf
from models import speaking_pair

from smolcli.models.catalog import find
from smolcli.models.installed import LocalPair, Store, record_file
from smolcli.settings import load_settings

TITLE, BODY = "<loc_50><loc_30><loc_450><loc_50>", "<loc_50><loc_80><loc_250><loc_120>"
SAID = ("<doctag>", "<title>", TITLE, "Hello", "</title>", "<text>", BODY, " world", "</text>", "</doctag>", "Garbage")
LOOP = ("<text>", BODY, "again", "</text>")


@pytest.fixture
def scan(tmp_path):
    """Two pages that are pictures."""
    text = {"size": (300, 400), "text": "Some print", "height": 24}
    with pymupdf.open(draw_pdf(tmp_path / "drawn.pdf", [text, text])) as drawn, pymupdf.open() as made:
        for page in drawn:
            made.new_page(width=300, height=400).insert_image(page.rect, pixmap=page.get_pixmap(dpi=150))
        made.save(str(tmp_path / "scan.pdf"))
    return tmp_path / "scan.pdf"


def with_model(script):
    pair = speaking_pair(script)
    return "-m", pair.language, "--mmproj", pair.projector, "--detail", "low"


def test_a_page_is_text_html_tags_and_a_searchable_pdf_from_one_reading(smol, scan, tmp_path):
    files = [tmp_path / f"out.{ends}" for ends in ("txt", "html", "doctags", "pdf", "json")]
    done = smol("ocr", scan, *with_model(SAID), *(word for file in files for word in ("-o", file)))
    assert done.code == 0, done.err
    text, html, tags, _, jsonl = (file.read_bytes().decode(errors="replace") for file in files)
    assert text.split() == ["Hello", "world", "Hello", "world"]
    assert html.count("<h1>Hello</h1>\n<p>world</p>") == 2
    own = f"<title>{TITLE}Hello</title><text>{BODY} world</text>"
    assert tags == f"<doctag>\n{own}\n<page_break>\n{own}\n</doctag>\n"
    assert '"text_from": "model"' in jsonl
    with pymupdf.open(str(files[3])) as made:
        places = {word[4]: word[:4] for word in made[1].get_text("words")}
    assert places["Hello"] == pytest.approx((30, 24, 270, 40), abs=2)
    assert places["world"] == pytest.approx((30, 64, 150, 96), abs=2)


def test_a_page_that_goes_round_is_said_once_and_keeps_one_copy(smol, scan):
    done = smol("ocr", scan, "--pages", "1", *with_model(LOOP), "--json")
    assert done.code == 0
    assert done.record["text"].strip() == "again"
    assert done.record["stop_reason"] == "repetition"
    assert any("repeated itself without end" in said for said in done.record["warnings"])


def test_a_general_model_names_the_installed_one_that_is_made_for_pages(smol, scan, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "x.gguf").write_bytes(b"x")
    file, repository = record_file(tmp_path / "x.gguf"), find("granite-docling").repository
    Store(load_settings().data_dir).save(LocalPair("granite-docling", "q8_0", file, file, 1, "x", None, repository))
    assert "smol ocr -m granite-docling would do better" in smol("ocr", scan, "--pages", "1").err
    err = smol("ocr", scan, "--pages", "1", *with_model(SAID)).err
    assert not re.search("would do better", err)
