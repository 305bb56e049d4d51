"""--messages as OpenAI's clients write it, planned and asked with the built-in model: what our own form gives."""

import base64
import json
import re

import pytest
from conftest import ROOT
from drawing import draw_clip

SIGN = "What does the sign say?"


def turn(*parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": SIGN}]}]


def picture(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def data_uri(path, kind):
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


@pytest.fixture
def written(tmp_path):
    """Write lines of JSON to a file."""

    def write(*values):
        file = tmp_path / "messages.jsonl"
        file.write_text("\n".join(json.dumps(value) for value in values))
        return file

    return write


def test_one_picture_named_in_every_way_is_planned_to_the_same_ids_and_answered_alike(smol, drawn, written):
    path = drawn / "exit.png"
    media = [{"type": "image", "path": str(path)}]
    file = written(
        {"messages": turn({"type": "image"}), "media": media},
        {"messages": turn(picture(str(path)))},
        {"messages": turn({"type": "image_url", "image_url": path.as_uri()})},
        turn({"type": "input_image", "image_url": data_uri(path, "image/png"), "detail": "auto"}),
        {"custom_id": "r-5", "body": {"messages": turn(picture(data_uri(path, "text/plain"), detail="high"))}},
    )
    plans = smol("plan", "--messages", file, "--hashes").records
    answers = smol("ask", "--messages", file, "--json").records
    assert len(plans) == len(answers) == 5 and plans[4]["name"] == answers[4]["prompt"] == "r-5"
    assert all(plan["ids"] == plans[0]["ids"] for plan in plans)
    assert all(plan["media"][0]["tile_sha256"] == plans[0]["media"][0]["tile_sha256"] for plan in plans)
    for plan, answer in zip(plans, answers, strict=True):
        assert plan["n_tokens"] == answer["counts"]["prompt_tokens"] and answer["text"] == answers[0]["text"]
        assert plan["media"][0]["source"] == answer["media"][0]["source"]
        assert answer["media"][0]["sha256"] == answers[0]["media"][0]["sha256"]
    sources = [answer["media"][0]["source"] for answer in answers]
    assert sources[:3] == [str(path)] * 3 and "EXIT" in answers[0]["text"].upper()
    assert all(re.fullmatch(r"data:(image/png|text/plain) \(\d+ kB\)", source) for source in sources[3:])


def test_detail_of_a_part_is_that_of_the_option(smol, drawn, written):
    path = str(drawn / "exit.png")
    file = written(*({"messages": turn(picture(path, detail=detail))} for detail in ("low", "high", "auto")))
    encodes = [plan["media"][0]["encodes"] for plan in smol("plan", "--messages", file, "--detail", "2").records]
    direct = [
        smol("plan", path, SIGN, "--json", "--detail", d).record["media"][0]["encodes"] for d in ("low", "high", "2")
    ]
    assert encodes == direct and len(set(direct[:2])) == 2


def test_a_clip_in_the_address_is_asked_as_the_clip_on_disk(smol, tmp_path, written):
    clip = tmp_path / "clip.avi"
    draw_clip(clip, 60, fourcc="MJPG")
    named = ({"url": str(clip)}, clip.as_uri(), {"url": data_uri(clip, "video/x-msvideo")})
    file = written(
        {"messages": turn({"type": "video"}), "media": [{"type": "video", "path": str(clip)}]},
        *({"messages": turn({"type": "video_url", "video_url": name})} for name in named),
    )
    plans = smol("plan", "--messages", file).records
    answers = smol("ask", "--messages", file, "--json", "--max-tokens", "4").records
    assert len(answers) == 4 and all(plan["ids"] == plans[0]["ids"] for plan in plans)
    assert len({answer["text"] for answer in answers}) == 1
    assert all(answer["media"][0]["frames"] == answers[0]["media"][0]["frames"] for answer in answers)


def test_conversations_come_through_a_pipe(smol_process, drawn):
    lines = [
        {"messages": turn(picture(str(drawn / "exit.png")))},
        {"messages": turn(picture(str(drawn / "total.png")))},
    ]
    given = "\n".join(map(json.dumps, lines)).encode()
    done = smol_process("ask", "--messages", "-", "--json", "--max-tokens", "4", stdin=given)
    assert [record["media"][0]["source"] for record in done.records] == [
        str(drawn / name) for name in ("exit.png", "total.png")
    ]


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("https://example.com/a.png", 3, "Download it first"),
        ("file://otherhost/a.png", 3, "another machine"),
        ("data:image/png;base64,%%%", 3, "not base64"),
        ("data:image/png;base64," + "A" * 4000, 3, "data:image/png (3 kB)"),
        ("../nowhere.png", 3, "does not exist"),
        ("half \ud83d.png", 3, "cannot be read"),
        ("-", 2, "a file"),
        ([["x"]], 2, "a file"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence_and_the_others_are_asked(smol, drawn, written, url, code, words):
    file = written({"messages": turn(picture(str(drawn / "exit.png")))}, {"messages": turn(picture(url))})
    planned = smol("plan", "--messages", file)
    assert planned.code == code and words in planned.sentence and "'line 2'" in planned.sentence
    assert len(planned.sentence) < 300
    asked = smol("ask", "-q", "--messages", file, "--max-tokens", "2")
    said, summary = asked.err.splitlines()
    assert words in said and "'line 2'" in said and "1 of 2 inputs failed" in summary
    assert asked.code == 1 and asked.out, "the first one is answered"


def test_a_line_that_is_no_conversation_is_a_record_or_a_sentence_and_the_others_are_asked(smol, drawn, tmp_path):
    good = json.dumps({"messages": turn(picture(str(drawn / "exit.png"), detail="low"))})
    file = tmp_path / "m.jsonl"
    file.write_text("\n".join([good, "{x}", good, '{"custom_id": "fourth", "body": {"messages": []}}', good]))
    words = ("ask", "--messages", file, "--max-tokens", "2")
    first, second, third, fourth, fifth = smol(*words, "--json").records
    assert first["text"] == third["text"] == fifth["text"]
    assert second["failure"]["source"] == "line 2" and second["failure"]["exit_code"] == 2
    assert fourth["failure"]["source"] == "fourth" and "at least one message" in fourth["failure"]["message"]
    told = smol(*words, "-q")
    assert told.code == 1 and len(told.out.splitlines()) == 3 and "2 of 5 inputs failed" in told.err
    assert "'line 2' cannot be read: column 2" in told.err and "'fourth'" in told.err
    file.write_text("{x}\n")
    for extra in ((), ("--json",)):
        none = smol(*words, *extra)
        assert none.code == 2 and none.out == "" and "m.jsonl" in none.sentence


def test_more_pictures_than_any_context_holds_do_not_fit(smol, drawn, written):
    done = smol("ask", "--messages", written(turn(*[picture(str(drawn / "exit.png"))] * 500)))
    assert done.code == 5 and "500 pictures" in done.sentence


def test_settings_of_requests_are_noted_once(smol, drawn, written):
    body = {"model": "gpt", "max_tokens": 3, "messages": turn(picture(str(drawn / "exit.png"), detail="low"))}
    file = written({"custom_id": "a", "body": body}, {"custom_id": "b", "body": body})
    for words in (("plan",), ("ask", "--max-tokens", "2")):
        assert smol(*words, "--messages", file).err.count("`model`, `max_tokens` of a request have no effect") == 1


def test_what_the_documentation_shows_can_be_planned_and_asked(smol, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs/conversations.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    found = []
    for block in blocks:
        (tmp_path / "m.json").write_text(block)
        found.append(smol("plan", "--messages", tmp_path / "m.json").record["ids"])
        assert smol("ask", "--messages", tmp_path / "m.json", "--max-tokens", "2").code == 0
    assert found[0] == found[1]
