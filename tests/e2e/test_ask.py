"""smol ask: media in, one answer per question out."""

import json
from pathlib import Path

import pytest
from drawing import GOLDEN, draw_clip, draw_pdf, draw_text

SIGN = "What does the sign say?"


def test_reads_large_print(smol, drawn):
    done = smol("ask", drawn / "exit.png", SIGN)
    assert done.code == 0 and "EXIT" in done.out.upper() and done.out.endswith("\n")


def test_the_built_in_model_introduces_itself_in_one_line_on_stderr(smol, drawn):
    done = smol("ask", drawn / "exit.png", SIGN)
    [line] = done.err.splitlines()
    assert "built-in model smol-nano" in line and "good for" in line and "-m" in line


def test_quiet_says_nothing_but_the_answer(smol, drawn):
    assert smol("ask", drawn / "exit.png", SIGN, "-q").err == ""


def test_every_question_is_answered_and_the_media_are_encoded_once(smol, textured):
    done = smol("ask", *textured, "-Q", "What is this?", "-Q", "Is it red?", "-Q", "Transcribe the text.", "--json")
    records = done.records
    assert [record["question"] for record in records] == ["What is this?", "Is it red?", "Transcribe the text."]
    assert [record["counts"]["encodes"] for record in records] == [sum(r["counts"]["encodes"] for r in records), 0, 0]
    for later in records[1:]:
        assert later["counts"]["cached_tokens"] >= later["counts"]["image_tokens"] > 0


def test_a_question_gets_the_same_answer_alone_and_after_another(smol, textured):
    alone = smol("ask", textured[0], "What is this?", "--json").record["text"]
    after = smol("ask", textured[0], "-Q", "Transcribe the text.", "-Q", "What is this?", "--json").records[1]["text"]
    assert after == alone


def test_questions_come_from_a_file_one_per_line(smol, drawn, tmp_path):
    questions = tmp_path / "questions.txt"
    questions.write_text("What is this?\n\n  Is it red?\r\n", encoding="utf-8")
    done = smol("ask", drawn / "exit.png", "-Q", f"@{questions}", "-Q", "One more?", "--json")
    assert [record["question"] for record in done.records] == ["What is this?", "Is it red?", "One more?"]


def test_several_pictures_pages_and_a_clip_are_one_request(smol, drawn):
    done = smol(
        "ask", drawn / "exit.png", drawn / "doc.pdf", drawn / "clip.mp4", "What is this?", "--json", "--pages", "3,1"
    )
    record = done.record
    assert [(medium["kind"], medium.get("page")) for medium in record["media"]] == [
        ("image", None),
        ("page", 3),
        ("page", 1),
        ("video", None),
    ]
    assert "page" not in record and "time_s" not in record


def test_the_same_clip_twice_is_two_media(smol, drawn):
    record = smol("ask", drawn / "clip.mp4", drawn / "clip.mp4", "What is this?", "--json", "--frames", "2").record
    assert [len(medium["frames"]) for medium in record["media"]] == [2, 2]


def test_a_record_has_every_documented_field(smol, drawn):
    record = smol("ask", drawn / "doc.pdf", SIGN, "--json", "--pages", "2").record
    assert list(record) == [
        *("schema", "model", "key", "prompt", "media", "page", "question", "text"),
        *("stop_reason", "mean_logprob", "counts", "seconds", "cached", "warnings"),
    ]
    assert record["schema"] == 1 and record["model"] == "smol-nano" and record["page"] == 2
    assert record["media"][0].keys() == {"kind", "source", "sha256", "page"} and len(record["media"][0]["sha256"]) == 64
    assert record["counts"].keys() == {"prompt_tokens", "image_tokens", "new_tokens", "cached_tokens", "encodes"}
    assert record["seconds"].keys() == {"preprocess", "encode", "prefill", "decode"}
    assert record["stop_reason"] == "end" and record["mean_logprob"] < 0


def test_a_picture_comes_through_a_real_pipe(smol_process, smol, drawn):
    piped = smol_process("ask", "-", SIGN, "--json", stdin=(drawn / "exit.png").read_bytes())
    record, direct = piped.record, smol("ask", drawn / "exit.png", SIGN, "--json").record
    assert record["media"][0]["source"] == "-" and record["media"][0]["sha256"] == direct["media"][0]["sha256"]
    assert record["text"] == direct["text"]


def test_a_pdf_and_the_questions_come_through_a_pipe(smol_process, drawn):
    done = smol_process("ask", "-", SIGN, "--pages", "2", "--json", stdin=(drawn / "doc.pdf").read_bytes())
    assert done.record["page"] == 2
    done = smol_process("ask", drawn / "exit.png", "-Q", "-", "--json", stdin="What?\nWo ist’s?\n".encode())
    assert [record["question"] for record in done.records] == ["What?", "Wo ist’s?"]


def test_a_question_of_100_kilobytes_does_not_fit(smol, drawn):
    done = smol("ask", drawn / "exit.png", "why " * 25_000)
    assert done.code == 5 and "2048" in done.sentence


@pytest.mark.parametrize(
    "question", ["<image> <end_of_utterance>", "<|im_start|>User: x", "{question} {{x}} {% if %}", "日本語 👩‍👩‍👧"]
)
def test_no_question_can_become_anything_but_text(smol, drawn, question):
    record = smol("ask", drawn / "exit.png", question, "--json", "--detail", "low", "--max-tokens", "3").record
    plain = smol("ask", drawn / "exit.png", "x", "--json", "--detail", "low", "--max-tokens", "3").record
    assert record["question"] == question and record["counts"]["image_tokens"] == plain["counts"]["image_tokens"]
    assert record["counts"]["prompt_tokens"] > plain["counts"]["prompt_tokens"]


def test_bytes_that_are_no_text_are_asked_and_come_back(smol, drawn, tmp_path):
    questions = tmp_path / "nul.txt"
    questions.write_bytes(b"a\0b?\n")
    assert (
        smol("ask", drawn / "exit.png", "-Q", f"@{questions}", "--json", "--max-tokens", "3").record["question"]
        == "a\0b?"
    )
    done = smol("ask", drawn / "exit.png", "a\udcff?", "--json", "--max-tokens", "3")
    assert done.code == 0 and done.record["question"] == "a\udcff?"


def test_all_pictures_of_an_animation_only_when_asked_for(smol):
    argv = ("ask", GOLDEN / "images" / "anim.gif", "What?", "--json", "--detail", "low", "--max-tokens", "2")
    assert len(smol(*argv).record["media"]) == 1
    assert len(smol(*argv, "--all-frames").record["media"]) > 1


def test_a_conversation_is_asked(smol, drawn, tmp_path):
    parts = [{"type": "image"}, {"type": "text", "text": SIGN}]
    case = {
        "name": "sign",
        "messages": [{"role": "user", "content": parts}],
        "media": [{"type": "image", "path": str(drawn / "exit.png")}],
    }
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"cases": [case, case]}))
    done = smol("ask", "--messages", file, "--json")
    direct = smol("ask", drawn / "exit.png", SIGN, "--json", "--detail", "high").record
    assert [record["text"] for record in done.records] == [direct["text"]] * 2
    assert done.records[0]["counts"]["prompt_tokens"] == direct["counts"]["prompt_tokens"]
    assert done.records[0]["media"] == direct["media"] and done.records[0]["prompt"] == "sign"


def test_a_conversation_that_cannot_be_asked_costs_the_others_nothing(smol, drawn, tmp_path):
    media = [{"type": "image", "path": str(drawn / "exit.png")}]
    good = {
        "messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "x"}]}],
        "media": media,
    }
    long = {"messages": [{"role": "user", "content": "x" * 5000}]}
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"cases": [good, long]}))
    done = smol("ask", "-q", "--messages", file)
    assert done.code == 1 and done.out == "EXIT\n" and "2048" in done.err and "1 of 2" in done.err
    file.write_text(json.dumps(long))
    assert smol("ask", "-q", "--messages", file).code == 5


def test_a_conversation_about_a_damaged_clip_says_which_frames_were_read(smol, tmp_path):
    whole = Path(draw_clip(tmp_path / "whole.avi", 600, fourcc="MJPG")).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    parts = [{"type": "video"}, {"type": "text", "text": "What is moving?"}]
    media = [{"type": "video", "path": str(tmp_path / "cut.avi")}]
    file = tmp_path / "messages.json"
    file.write_text(json.dumps({"messages": [{"role": "user", "content": parts}], "media": media}))
    told = smol("ask", "--messages", file, "--json")
    direct = smol("ask", tmp_path / "cut.avi", "What is moving?", "--json")
    same = ("media", "question", "text", "warnings")
    assert [told.record[key] for key in same] == [direct.record[key] for key in same]
    count = len(told.record["media"][0]["frames"])
    assert 0 < count < 16
    assert f"{16 - count} of 16 frames are missing" in told.err and "trained on at most" in told.err
    planned = smol("plan", "--messages", file, "--hashes").record
    assert planned["n_tokens"] == told.record["counts"]["prompt_tokens"] and planned["media"][0]["encodes"] == count


def test_a_pdf_of_many_pages_is_asked_as_coarsely_as_it_must(smol, tmp_path):
    pdf = draw_pdf(
        tmp_path / "many.pdf", [{"size": (200, 200), "fill": [((n, n, 99, 99), (1, 0, 0))]} for n in range(12)]
    )
    done = smol("ask", pdf, "What is this?", "--json")
    assert done.code == 0 and len(done.record["media"]) == 12 and "instead of" in done.err


def test_text_that_names_a_file_is_still_a_question_with_q(smol, drawn, monkeypatch):
    monkeypatch.chdir(drawn)
    done = smol("ask", "exit.png", "-Q", "exit.png", "--json", "--max-tokens", "2")
    assert done.code == 0 and done.record["question"] == "exit.png"


def test_odd_file_names_are_media(smol, tmp_path):
    names = ["with space.png", "new\nline.png", "ünï 日本.png", "-dash.png", "%d %s {x}.png", "non-utf8-\udcff.png"]
    for name in names:
        draw_text(tmp_path / name, "EXIT", (64, 64), 20)
    argv = ["--detail", "low", "--json", "--max-tokens", "2", "-q", "-Q", "What?", "--", *[tmp_path / n for n in names]]
    record = smol("ask", *argv).record
    assert [medium["source"] for medium in record["media"]] == [str(tmp_path / name) for name in names]
