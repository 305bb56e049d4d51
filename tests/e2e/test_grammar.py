"""FILE... [QUESTION]: what is a file, what is a question, and whose answer is whose."""

import os
import subprocess
import sys

import pytest
from drawing import draw_clip, draw_pdf, draw_text

from smolcli.cli._inputs import files_and_questions
from smolcli.errors import MediaError, UsageError


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
def test_a_name_that_ends_as_media_do_is_a_file(last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / last).write_bytes(b"x")
    assert files_and_questions(["a.pdf", last], []) == (["a.pdf", last], [])
    (tmp_path / last).unlink()
    if last != "-":  # standard input is always there
        with pytest.raises(MediaError, match=r"does not exist.*-Q"):
            files_and_questions(["a.pdf", last], [])


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


@pytest.mark.parametrize("last", ["none.pdf", "What is in report.pdf"])
def test_a_last_word_named_like_a_file_that_is_missing_is_exit_3_before_anything_is_read(smol, papers, last):
    for command in ("docvqa", "video"):
        done = smol(command, papers / "a.pdf", last)
        assert (done.code, done.out) == (3, "") and last in done.sentence and "-Q" in done.sentence


def test_an_error_names_its_file_and_inputs_are_counted_once_whatever_is_asked(smol, papers):
    draw_pdf(papers / "two.pdf", [{"size": (300, 300), "text": word, "height": 80} for word in ("1", "2")])
    argv = ("docvqa", "-q", papers / "a.pdf", papers / "two.pdf", "--pages", "2", "What?", "-Q", "Where?")
    done = smol(*argv, "--max-tokens", "2")
    unread, summary = done.err.splitlines()
    assert done.code == 1 and len(done.out.splitlines()) == 2
    assert f"{papers / 'a.pdf'}" in unread and "no page 2" in unread and "1 of 2 inputs failed" in summary


def test_names_in_headings_columns_and_json_are_those_that_were_typed(smol, papers, monkeypatch):
    monkeypatch.chdir(papers)
    for name in ("what.jpg?", "t\tab.png"):
        draw_text(papers / "exit.png", "EXIT", (64, 64), 20)
        (papers / "exit.png").rename(papers / name)
    argv = ("docvqa", "-q", "what.jpg?", "t\tab.png", "--max-tokens", "2")
    heads = [line for line in smol(*argv).out.splitlines() if line.startswith("[")]
    assert heads == ["[what.jpg?]", "[t\\tab.png]"]
    rows = smol(*argv, "-Q", "What?").out.splitlines()
    assert [row.split("\t")[0] for row in rows] == ["what.jpg?", "t\\tab.png"]
    assert [record["media"][0]["source"] for record in smol(*argv, "--json").records] == ["what.jpg?", "t\tab.png"]


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
    (papers / "questions.txt").write_text("a\nb\n")
    assert smol("caption", papers, "-Q", f"@{papers / 'questions.txt'}").code == 2


def test_captions_come_in_the_order_of_names_whichever_is_done_first(smol, tmp_path):
    for number, size in enumerate(((900, 900), (64, 64), (64, 64), (64, 64))):
        draw_text(tmp_path / f"{number}.png", "EXIT", size, 20)
    done = smol("caption", "-q", tmp_path, "--parallel", "4", "--detail", "high", "--max-tokens", "4")
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [str(tmp_path / f"{n}.png") for n in range(4)]


def test_more_pictures_than_fit_are_said_to_be_too_many(smol, tmp_path):
    draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20)
    done = smol("ask", *[tmp_path / "a.png"] * 1100, "What is this?")
    assert done.code == 5 and "1100 files" in done.sentence


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_more_files_than_may_be_open_are_planned_one_after_another(smol_process, tmp_path):
    import resource

    draw_text(tmp_path / "0.png", "EXIT", (64, 64), 20)
    names = [tmp_path / f"{number}.png" for number in range(150)]
    for name in names[1:]:
        name.hardlink_to(names[0])
    done = smol_process(
        *("plan", "-q", "--json", *names, "What?"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)),
    )
    assert (done.code, done.err) == (0, "")
    assert len(done.record["media"]) == 150 and done.record["fits"] is False


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["smol", "ask", "--device", "v"], "vulkan"),
        (["smol", "ask", "--detail", "n"], "native"),
        (["smol", "ask", "--hint", "br"], "brief"),
        (["smol", "caption", "--rotate", "9"], "90"),
    ],
)
def test_tab_completes_values(words, offered):
    bash = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    others = {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for shell, place in (("bash", bash), ("zsh", others), ("fish", others)):
        code, out = completed(shell, place)
        assert code == 0 and offered in out.replace('"', " ").split()


def completed(shell, place):
    """What Tab gives in a shell: (exit code, stdout)."""
    environment = os.environ | place | {"_SMOL_COMPLETE": f"complete_{shell}"}
    done = subprocess.run([sys.executable, "-m", "smolcli"], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_where_there_is_nothing_to_complete_fish_is_told_so(tmp_path):
    place = {"_TYPER_COMPLETE_ARGS": "smol docvqa ", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert completed("fish", place) == (1, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_showing_and_installing_the_completion_end_with_0(tmp_path, shell, option):
    environment = os.environ | {
        "HOME": str(tmp_path),
        "SHELL": "/bin/bash",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    command = [sys.executable, "-m", "smolcli", option, shell]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    written = "".join(path.read_text() for path in tmp_path.rglob("*smol*") if path.is_file())
    assert done.returncode == 0 and "_SMOL_COMPLETE" in (done.stdout if option.startswith("--show") else written)
