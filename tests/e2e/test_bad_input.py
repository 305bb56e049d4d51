"""Bad input of every kind: one sentence, its exit code, no traceback, no abort, and never an answer."""

import os
import shutil

import pytest
from drawing import GOLDEN, draw_clip, draw_pdf, pdf_of

from smolcli.models import builtin

PAIR = builtin()
LANGUAGE, PROJECTOR = PAIR.language, PAIR.projector


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A folder of files that are not what they say."""
    folder = tmp_path_factory.mktemp("bad")
    jpeg = (GOLDEN / "images" / "rgb420.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "header-only.jpg").write_bytes(jpeg[:20])
    (folder / "text.jpg").write_text("just words\n")
    (folder / "page.pdf").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    (folder / "empty.png").write_bytes(b"")
    (folder / "folder").mkdir()
    draw_pdf(folder / "locked.pdf", [{"text": "secret"}], password="pw")
    (folder / "no-pages.pdf").write_bytes(pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]))
    (folder / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    draw_clip(folder / "whole.mp4", 30)
    (folder / "cut.mp4").write_bytes((folder / "whole.mp4").read_bytes()[:2000])
    (folder / "no-frames.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    (folder / "noise.bin").write_bytes(bytes(range(1, 256)) * 20)
    return folder


CASES = [
    ("nowhere.jpg", 3, "does not exist"),
    ("folder", 3, "folder"),
    ("empty.png", 3, "empty"),
    ("truncated.jpg", 3, "truncated"),
    ("header-only.jpg", 3, "damaged"),
    ("text.jpg", 3, "text"),
    ("page.pdf", 3, "web page"),
    ("locked.pdf", 8, "--password"),
    ("no-pages.pdf", 3, ""),
    ("cut.pdf", 3, ""),
    ("cut.mp4", 3, ""),
    ("no-frames.mp4", 3, ""),
    ("noise.bin", 3, ""),
    ("/dev/null", 3, "device"),
    ("http://example.org/x.jpg", 3, "address"),
    ("-m", 2, ""),
]


@pytest.mark.parametrize(("name", "code", "words"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("command", ["ask", "docvqa", "video", "plan"])
def test_a_bad_file_is_one_sentence_and_its_code(smol, bad, monkeypatch, command, name, code, words):
    if command == "plan" and name == "truncated.jpg":
        pytest.skip("planning reads its header, which is sound")
    monkeypatch.chdir(bad)
    done = smol(command, name, "What is this?")
    assert (done.code, done.out) == (code, "") and done.sentence
    if command != "video":  # which may have said before that it is no clip
        assert words in done.sentence


def test_one_bad_file_beside_a_good_one_is_no_answer(smol, bad, drawn):
    for name in ("truncated.jpg", "text.jpg", "nowhere.jpg"):
        done = smol("ask", drawn / "exit.png", bad / name, "What is this?", "-Q", "And this?")
        assert done.code == 3 and done.out == "" and done.sentence


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Model files that are not: name → path."""
    folder = tmp_path_factory.mktemp("models")
    whole = LANGUAGE.read_bytes()
    (folder / "half.gguf").write_bytes(whole[: len(whole) // 2])
    (folder / "header.gguf").write_bytes(whole[:1000])
    (folder / "magic.gguf").write_bytes(b"GGUF")
    (folder / "empty.gguf").write_bytes(b"")
    (folder / "text.gguf").write_text("hello")
    corrupt = bytearray(whole)
    corrupt[8:16] = b"\xff" * 8  # a number of tensors that cannot be
    (folder / "corrupt.gguf").write_bytes(corrupt)
    (folder / "mmproj-half.gguf").write_bytes(PROJECTOR.read_bytes()[:100_000])
    (folder / "folder.gguf").mkdir()
    return folder


@pytest.mark.parametrize(
    "name", ["half", "header", "magic", "empty", "text", "corrupt", "folder", "nowhere", "mmproj-half"]
)
@pytest.mark.parametrize("command", ["ask", "plan"])
def test_a_bad_model_file_is_code_4(smol, models, drawn, command, name):
    as_model = smol(command, drawn / "exit.png", "What?", "-m", models / f"{name}.gguf", "--mmproj", PROJECTOR)
    as_projector = smol(command, drawn / "exit.png", "What?", "-m", LANGUAGE, "--mmproj", models / f"{name}.gguf")
    for done in (as_model, as_projector):
        assert (done.code, done.out) == (4, "") and name in done.sentence


@pytest.mark.parametrize(("model", "mmproj"), [(PROJECTOR, LANGUAGE), (PROJECTOR, PROJECTOR), (LANGUAGE, LANGUAGE)])
def test_a_projector_is_no_model_and_a_model_no_projector(smol, drawn, model, mmproj):
    done = smol("ask", drawn / "exit.png", "What?", "-m", model, "--mmproj", mmproj)
    assert (done.code, done.out) == (4, "") and "projector" in done.sentence


def test_two_halves_of_different_models_are_refused(smol, drawn):
    from models import member_pair

    other = member_pair("SmolVLM2-256M-Video-Instruct")
    done = smol("ask", drawn / "exit.png", "What?", "-m", LANGUAGE, "--mmproj", other.projector)
    assert (done.code, done.out) == (4, "") and "wide" in done.sentence


def test_the_projector_beside_a_model_is_found(smol, drawn, tmp_path):
    shutil.copy(LANGUAGE, tmp_path / "own-q8_0.gguf")
    done = smol("ask", drawn / "exit.png", "What?", "-m", tmp_path / "own-q8_0.gguf")
    assert done.code == 4 and "no projector" in done.sentence and "--mmproj" in done.sentence
    shutil.copy(PROJECTOR, tmp_path / "mmproj-own-f16.gguf")
    done = smol("ask", drawn / "exit.png", "What does the sign say?", "-m", tmp_path / "own-q8_0.gguf", "--json")
    assert done.code == 0 and done.record["model"] == "own" and "built-in" not in done.err


def test_a_projector_without_a_model_is_a_wrong_command_line(smol, drawn):
    assert smol("ask", drawn / "exit.png", "What?", "--mmproj", PROJECTOR).code == 2


def test_a_path_that_holds_a_null_byte_does_not_exist(smol):
    done = smol("ask", "a\0b.png", "What?")
    assert done.code == 3 and "\0" not in done.err


def test_what_may_not_be_read_is_code_3(smol_process, drawn, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    shutil.copy(drawn / "exit.png", tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    done = smol_process("ask", tmp_path / "secret.png", "What?")
    assert done.code == 3 and "may not be read" in done.sentence
