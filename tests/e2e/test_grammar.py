"""FILE... [QUESTION]: what is a file, what is a question, and whose answer is whose."""

import os
import subprocess
import sys

import pytest
from drawing import draw_clip, draw_pdf, draw_text

from smolcli.cli._inputs import files_and_questions
from smolcli.errors import UsageError


@pytest.fixture
def papers(tmp_path):
    for name, text in (("a.pdf", "EXIT"), ("b.pdf", "42")):
        draw_pdf(tmp_path / name, [{"size": (300, 300), "text": text, "height": 80}])
    return tmp_path


@pytest.mark.parametrize("last", ["What is it?", "total", "what is in report", "3.5", "a.b c", "Is it a .pdf?"])
def test_the_last_word_is_the_question(last):
    assert files_and_questions(["a.pdf", last], []) == (["a.pdf"], [last])
    assert files_and_questions(["a.pdf", last], ["more"]) == (["a.pdf"], [last, "more"])


@pytest.mark.parametrize("last", ["b.pdf", "my scan.PDF", "clip.mp4", "no such.jpg", "-", "x.webm"])
def test_a_name_that_ends_as_media_do_is_a_file(last):
    assert files_and_questions(["a.pdf", last], []) == (["a.pdf", last], [])


def test_a_file_that_exists_is_no_question_and_a_single_word_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "What is it?").write_bytes(b"x")
    assert files_and_questions(["a.pdf", "What is it?"], []) == (["a.pdf", "What is it?"], [])
    assert files_and_questions(["report"], []) == (["report"], [])
    with pytest.raises(UsageError, match="empty"):
        files_and_questions(["a.pdf", " "], [])


def test_documents_are_read_one_after_another_under_their_names(smol, papers):
    done = smol("docvqa", "-q", papers / "a.pdf", papers / "b.pdf")
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        f"[{papers / name}#page=1]" for name in ("a.pdf", "b.pdf")
    ]
    assert "EXIT" in lines[1] and "42" in lines[3]
    asked = smol("docvqa", "-q", papers / "a.pdf", papers / "b.pdf", "What does it say?")
    assert [line.split("\t")[0] for line in asked.out.splitlines()] == [
        f"{papers / n}#page=1" for n in ("a.pdf", "b.pdf")
    ]


def test_a_missing_document_is_said_and_the_others_are_read(smol, papers):
    done = smol("docvqa", papers / "a.pdf", papers / "none.pdf", papers / "b.pdf", "-q")
    assert done.code == 1 and "does not exist" in done.err
    assert "EXIT" in done.out and "42" in done.out
    assert smol("docvqa", papers / "none.pdf").code == 3


def test_several_questions_stand_beside_their_answers_and_encode_a_page_once(smol, papers):
    argv = ("docvqa", "-q", papers / "a.pdf", "What does it say?", "-Q", "Read this.")
    rows = [line.split("\t") for line in smol(*argv).out.splitlines()]
    assert [row[:2] for row in rows] == [["page 1", "What does it say?"], ["page 1", "Read this."]]
    assert [record["counts"]["encodes"] > 0 for record in smol(*argv, "--json").records] == [True, False]


def test_clips_are_read_one_after_another_and_a_bad_one_is_said(smol, tmp_path):
    draw_clip(tmp_path / "a.mp4", 30)
    draw_clip(tmp_path / "b.mp4", 30)
    (tmp_path / "bad.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    done = smol("video", "-q", tmp_path / "a.mp4", tmp_path / "bad.mp4", tmp_path / "b.mp4", "--max-tokens", "3")
    assert done.code == 1 and "bad.mp4" in done.err
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [str(tmp_path / n) for n in ("a.mp4", "b.mp4")]


def test_a_second_question_for_captions_is_refused(smol, papers):
    done = smol("caption", papers, "-Q", "a", "-Q", "b")
    assert done.code == 2 and "docvqa" in done.sentence


def test_captions_come_in_the_order_of_names_whichever_is_done_first(smol, tmp_path):
    for number, size in enumerate(((900, 900), (64, 64), (64, 64), (64, 64))):
        draw_text(tmp_path / f"{number}.png", "EXIT", size, 20)
    done = smol("caption", "-q", tmp_path, "--parallel", "4", "--detail", "high", "--max-tokens", "4")
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [str(tmp_path / f"{n}.png") for n in range(4)]


def test_more_pictures_than_fit_are_said_to_be_too_many(smol, tmp_path):
    draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20)
    done = smol("ask", *[tmp_path / "a.png"] * 1100, "What is this?")
    assert done.code == 5 and "1100 files" in done.sentence


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["smol", "ask", "--device", "v"], "vulkan"),
        (["smol", "ask", "--detail", "n"], "native"),
        (["smol", "ask", "--hint", "br"], "brief"),
    ],
)
def test_tab_completes_values(words, offered):
    place = {"_SMOL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([sys.executable, "-m", "smolcli"], env=os.environ | place, capture_output=True, text=True)
    assert done.returncode == 0 and offered in done.stdout.split()


def test_showing_the_completion_ends_with_0(tmp_path):
    environment = os.environ | {
        "HOME": str(tmp_path),
        "SHELL": "/bin/bash",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    command = [sys.executable, "-m", "smolcli", "--show-completion", "bash"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "_SMOL_COMPLETE" in done.stdout
