"""smol docvqa: a real PDF of several pages, an answer each."""

import pytest
from drawing import GOLDEN, draw_pdf, draw_text


def test_every_page_answers_in_order_with_its_number(smol, drawn):
    done = smol("docvqa", drawn / "doc.pdf", "What is written here?", "--per-page")
    assert done.code == 0 and [line.split("\t")[0] for line in done.out.splitlines()] == ["page 1", "page 2", "page 3"]
    records = smol("docvqa", drawn / "doc.pdf", "What is written here?", "--per-page", "--json").records
    assert [record["page"] for record in records] == [1, 2, 3]
    assert [record["media"] for record in records] == [
        [{"kind": "page", "source": str(drawn / "doc.pdf"), "sha256": records[0]["media"][0]["sha256"], "page": number}]
        for number in (1, 2, 3)
    ]


def test_pages_come_in_order_even_when_several_are_read_at_once(smol, drawn):
    records = smol("docvqa", drawn / "doc.pdf", "--json", "--parallel", "3").records
    assert [record["page"] for record in records] == [1, 2, 3]


def test_without_a_question_the_pages_are_written_out_under_their_numbers(smol, drawn):
    done = smol("docvqa", drawn / "doc.pdf")
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("[page")] == ["[page 1]", "[page 2]", "[page 3]"]
    page = lines[lines.index("[page 2]") + 1]
    assert "42" in page
    record = smol("docvqa", drawn / "doc.pdf", "--pages", "2", "--json").record
    assert record["prompt"] == "transcribe" and record["question"] == "Transcribe the text." and record["text"] == page


def test_a_single_page_is_answered_plainly(smol, drawn, tmp_path):
    done = smol("docvqa", drawn / "doc.pdf", "--pages", "2")
    assert "42" in done.out and "page" not in done.out
    picture = draw_text(tmp_path / "picture.png", "Total 42")
    assert "42" in smol("docvqa", picture).out and "page" not in smol("docvqa", picture, "--json").record


def test_pages_are_chosen_in_the_order_typed(smol, drawn):
    records = smol(
        "docvqa", drawn / "doc.pdf", "What?", "--pages", "3-end,1", "--json", "--max-tokens", "2", "--per-page"
    ).records
    assert [record["page"] for record in records] == [3, 1]


def test_dpi_changes_what_is_read(smol, drawn):
    argv = ("plan", drawn / "doc.pdf", "--pages", "1", "--json")
    sizes = [smol(*argv, *more).record["media"][0]["size"] for more in ((), ("--dpi", "36"), ("--dpi", "72"))]
    assert sizes == [[512, 512], [150, 150], [300, 300]]
    assert smol("docvqa", drawn / "doc.pdf", "--pages", "1", "--dpi", "36", "--max-tokens", "2").code == 0


def test_a_locked_document_wants_its_password(smol, drawn):
    without = smol("docvqa", drawn / "locked.pdf")
    assert without.code == 8 and without.out == "" and "--password" in without.sentence
    wrong = smol("docvqa", drawn / "locked.pdf", "--password", "no")
    assert wrong.code == 8 and wrong.out == "" and "--password" in wrong.sentence
    assert smol("docvqa", drawn / "locked.pdf", "--password", "pw").code == 0


@pytest.mark.parametrize("command", ["ask", "plan", "caption"])
def test_a_locked_document_is_code_8_everywhere(smol, drawn, command):
    argv = [command, drawn / "locked.pdf"] + (["What?"] if command == "ask" else [])
    assert smol(*argv).code == 8
    assert smol(*argv, "--password", "pw").code == 0


def test_the_pages_of_a_tiff_are_pages(smol, tmp_path):
    from PIL import Image

    pages = [Image.open(draw_text(tmp_path / f"{n}.png", str(n), (64, 64), 40)) for n in (1, 2)]
    pages[0].save(tmp_path / "two.tiff", save_all=True, append_images=pages[1:])
    assert [r["page"] for r in smol("docvqa", tmp_path / "two.tiff", "--json", "--max-tokens", "2").records] == [1, 2]


def test_a_page_that_does_not_fit_is_code_5_before_anything_is_read(smol, drawn):
    done = smol("docvqa", drawn / "doc.pdf", "What?", "--pages", "2", "--detail", "high", "--context", "128")
    assert done.code == 5 and done.out == "" and "page 2: " in done.sentence and "128" in done.sentence


def test_a_clip_is_refused_with_the_command_that_reads_it(smol, drawn):
    done = smol("docvqa", drawn / "clip.mp4", "What?")
    assert done.code == 3 and "smol video" in done.sentence


def test_an_empty_question_is_no_wish_to_transcribe(smol, drawn):
    assert smol("docvqa", drawn / "doc.pdf", "").code == 2


def test_a_damaged_document_is_said_to_be_repaired(smol, tmp_path):
    pdf = draw_pdf(tmp_path / "a.pdf", [{"size": (300, 300), "text": "42", "height": 80}])
    data = (tmp_path / "a.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(data.replace(b"startxref", b"startxxxx"))
    done = smol("docvqa", pdf, "--json")
    assert done.code == 0 and "repaired" in done.record["warnings"][0] and "repaired" in done.err


def test_plan_is_shown_for_each_page_and_the_answers_come(smol, drawn):
    done = smol("docvqa", drawn / "doc.pdf", "What?", "--plan", "-q", "--max-tokens", "2", "--per-page")
    assert sum("tokens of 2048" in line for line in done.err.splitlines()) == 3 and len(done.out.splitlines()) == 3


def test_a_picture_is_turned_upright(smol):
    sizes = [smol("plan", GOLDEN / "images" / f"exif_{n}.jpg", "--json").record["media"][0]["size"] for n in (1, 6)]
    assert sizes == [[48, 32], [32, 48]]  # stored alike; the second says that it lies on its side


def test_each_page_that_fails_is_named_and_counted_though_all_fail_alike(smol, drawn):
    done = smol("docvqa", drawn / "doc.pdf", "-Q", "One?", "-Q", "Two?", "--page-timeout", "0.001", "--no-store")
    lines = [line for line in done.err.splitlines() if "error:" in line]
    assert done.code == 9 and len(lines) == 4 and "3 of 3 inputs failed" in lines[-1]
    assert [f"'{drawn / 'doc.pdf'}', page {n}: It took longer" in lines[n - 1] for n in (1, 2, 3)] == [True] * 3


def test_the_damaged_pages_of_a_tiff_are_named(smol, tmp_path):
    from PIL import Image

    path, pages = tmp_path / "doc.tif", [Image.effect_noise((64, 64), 80) for _ in range(3)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    with Image.open(path) as picture:
        for page in (1, 2):
            picture.seek(page)
            for start, size in zip(picture.tag_v2[273], picture.tag_v2[279], strict=True):
                data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    done = smol("docvqa", path, "What is it?")
    assert done.code == 1 and done.out.startswith("page 1\t") and done.out.count("\n") == 1
    lines = [line for line in done.err.splitlines() if "damaged" in line]
    assert [line.split("error: ")[1].split(":")[0] for line in lines] == ["page 2", "page 3"]


def test_pages_that_are_meant_for_the_documents_leave_pictures_beside_them_alone(smol, drawn):
    words = ("--pages", "2", "-q", "--json", "--max-tokens", "2")
    read = smol("docvqa", drawn / "doc.pdf", drawn / "exit.png", "What?", *words)
    captioned = smol("caption", drawn / "doc.pdf", drawn / "exit.png", *words)
    for done in (read, captioned):
        assert done.code == 0 and [record["media"][0].get("page") for record in done.records] == [2, None]
