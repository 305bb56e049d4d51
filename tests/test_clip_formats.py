"""What happens in clips, as subtitles, chapters, text and JSON: read back by other programs."""

import json
import shutil
import subprocess

import pytest
import srt
import webvtt
from clip_answers import said
from drawing import draw_clip
from hypothesis import given
from hypothesis import strategies as st

from smolcli.datatypes import Source
from smolcli.errors import UsageError
from smolcli.formats import PLAIN, Allowed, Form, JsonWriter, TextWriter, find_format, format_of_file
from smolcli.formats.chapters import ChapterListWriter, MetadataWriter, title_of
from smolcli.formats.subtitles import LINE, SrtWriter, VttWriter, wrapped
from smolcli.printable import time_range

LONG = "A man in a red coat walks across the square, stops at the fountain, and looks for something in his bag."
HOSTILE = "a --> b\n\n\n1\n00:00:01,000 --> 00:00:02,000\n<i>x</i> & {\\an8}y\x1b[2J\u2028z"
CLIPS = Allowed(clips=True)


class Memory:
    """A target that keeps what it gets."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def written(writer, *answers, form=PLAIN):
    target = Memory()
    made = writer(target, form)
    for each in answers:
        made.answer(each)
    made.finish()
    return target.text


STORY = (
    said("A dog runs.", (0.0, 12.0)),
    said(LONG, (12.0, 20.5)),
    said("A day at the square.\nA dog and a man."),
)


def test_srt_holds_a_cue_for_each_window_and_not_the_summary():
    cues = list(srt.parse(written(SrtWriter, *STORY)))
    assert [(cue.index, cue.start.total_seconds(), cue.end.total_seconds()) for cue in cues] == [
        (1, 0.0, 12.0),
        (2, 12.0, 20.5),
    ]
    assert [" ".join(cue.content.split()) for cue in cues] == ["A dog runs.", LONG]


def test_vtt_holds_the_same_and_the_summary_as_a_comment_at_its_head():
    text = written(VttWriter, *STORY)
    found = webvtt.from_string(text)
    assert [(cue.start, cue.end) for cue in found.captions] == [
        ("00:00:00.000", "00:00:12.000"),
        ("00:00:12.000", "00:00:20.500"),
    ]
    assert [" ".join(cue.text.split()) for cue in found.captions] == ["A dog runs.", LONG]
    assert text.startswith("WEBVTT\n\nNOTE\nA day at the square.\nA dog and a man.\n\n00:00")


def test_cues_come_in_the_order_of_time_whichever_answer_came_first():
    for writer, parse in ((SrtWriter, srt.parse), (VttWriter, lambda text: webvtt.from_string(text).captions)):
        cues = list(parse(written(writer, STORY[1], STORY[0])))
        assert [getattr(cue, "content", getattr(cue, "text", "")).split()[1] for cue in cues] == ["dog", "man"]


def test_an_answer_about_the_whole_clip_alone_is_a_cue_over_all_of_it():
    [cue] = srt.parse(written(SrtWriter, said("A dog."), form=Form(duration_s=lambda place: 83.4)))
    assert (cue.start.total_seconds(), cue.end.total_seconds()) == (0.0, 83.4)
    [cue] = srt.parse(written(SrtWriter, said("A dog.", times_s=(0.0, 2.0, 4.0))))
    assert cue.end.total_seconds() == 6.0


def test_lines_are_short_about_as_long_as_one_another_and_lose_nothing():
    lines = wrapped(LONG)
    assert " ".join(lines) == LONG and len(lines) == 3
    assert max(map(len, lines)) <= LINE and min(map(len, lines)) > LINE // 2
    assert all(
        len(line) <= LINE // 2
        for line in wrapped("广场上有一个穿红色外套的男人走过喷泉停下来在包里找东西然后离开了广场")
    )


@pytest.mark.parametrize("text", [HOSTILE, "WEBVTT\n\nNOTE x", "STYLE\n::cue{}", "1\n\n2", "a" * 500, "-->"])
def test_no_text_breaks_out_of_its_cue(text):
    windows = [(0.0, 1.0), (1.0, 2.0)]
    cues = list(srt.parse(written(SrtWriter, *(said(text, window) for window in windows))))
    captions = webvtt.from_string(written(VttWriter, *(said(text, window) for window in windows))).captions
    assert len(cues) == len(captions) == 2
    raw = written(VttWriter, said(text, (0.0, 1.0)))
    assert raw.count("-->") == 1 and "<" not in raw and "\x1b" not in raw


def test_a_summary_cannot_end_the_comment_that_it_is_in():
    text = written(VttWriter, said("fine", (0.0, 1.0)), said("a --> b\n\n00:00:01.000 --> 00:00:02.000\n\nc"))
    assert len(webvtt.from_string(text).captions) == 1 and text.count("-->") == 1


@given(
    st.lists(
        st.tuples(st.text(max_size=60), st.floats(0, 1e5), st.floats(-1, 50)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_is_said_both_kinds_of_subtitles_can_be_read(parts):
    answers = [said(text, (start, start + length)) for text, start, length in parts]
    cues = list(srt.parse(written(SrtWriter, *answers)))
    captions = webvtt.from_string(written(VttWriter, *answers)).captions
    assert len(cues) == len(captions) <= len(parts)
    assert all(cue.start < cue.end for cue in cues)
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)


def test_nothing_that_was_said_is_an_empty_file_of_its_kind():
    assert written(SrtWriter, said("", (0.0, 1.0))) == ""
    assert written(VttWriter, said(" \n", (0.0, 1.0))) == "WEBVTT\n"


def test_several_questions_about_a_window_are_told_apart():
    text = written(SrtWriter, said("red", (0.0, 1.0), question="Which colour?"), form=Form(questions=2))
    assert "Which colour? red" in text


def test_one_file_is_of_one_clip():
    other = Source("b.mp4", "video", "1" * 64)
    with pytest.raises(UsageError, match="srt is of one input"):
        written(SrtWriter, said("a", (0.0, 1.0)), said("b", (0.0, 1.0), source=other))


def test_chapters_are_titled_by_their_first_sentence_and_do_not_overlap():
    text = written(
        MetadataWriter, said("A dog; it = #1. It runs.", (0.0, 12.5)), said(LONG * 3, (12.0, 20.0)), STORY[2]
    )
    assert text.startswith(";FFMETADATA1\ntitle=clip.mp4\ndescription=A day at the square.\\\nA dog and a man.\n")
    assert "START=0\nEND=12000\ntitle=A dog\\; it \\= \\#1\n" in text
    assert title_of("One. Two.") == "One" and title_of("3.5 cats sit") == "3.5 cats sit"
    assert len(title_of("word " * 100)) <= 100 and title_of("word " * 100).endswith("word…")


def test_a_list_of_chapters_begins_its_lines_with_times():
    windows = [(0.0, 83.0), (83.0, 3661.0), (3661.0, 4000.0)]
    text = written(ChapterListWriter, *(said(f"Part {n}.", window) for n, window in enumerate(windows)))
    assert text == "0:00 Part 0\n1:23 Part 1\n1:01:01 Part 2\n"


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
def test_ffmpeg_puts_the_chapters_into_the_clip(tmp_path):
    draw_clip(tmp_path / "clip.mp4", 90)
    answers = said("A dog = 1; #2", (0.0, 1.5)), said("line\nbreak \\ here", (1.5, 3.0))
    (tmp_path / "clip.ffmeta").write_text(written(MetadataWriter, *answers), encoding="utf-8")
    inputs = ["-i", tmp_path / "clip.mp4", "-i", tmp_path / "clip.ffmeta"]
    command = ["ffmpeg", "-v", "error", *inputs, "-map_chapters", "1", "-codec", "copy", tmp_path / "out.mp4"]
    subprocess.run(command, check=True, timeout=60)
    probe = ["ffprobe", "-v", "error", "-of", "json", "-show_chapters", tmp_path / "out.mp4"]
    found = json.loads(subprocess.run(probe, check=True, capture_output=True, timeout=60).stdout)["chapters"]
    assert [(each["start_time"], each["end_time"], each["tags"]["title"]) for each in found] == [
        ("0.000000", "1.500000", "A dog = 1; #2"),
        ("1.500000", "3.000000", "line break \\ here"),
    ]


def test_text_begins_with_the_time_of_the_window():
    form = Form(ranges=True)
    text = written(TextWriter, said("A dog.\nA cat.", (12.0, 20.0)), said("All."), form=form)
    assert text == "00:12-00:20  A dog.\n             A cat.\nAll.\n"
    assert written(TextWriter, said("A dog.", (12.0, 20.0))) == "A dog.\n"


def test_pieces_are_not_shown_before_it_is_known_of_when_they_are():
    target = Memory()
    writer = TextWriter(target, Form(ranges=True))
    writer.piece("A d")
    assert target.text == ""
    writer.answer(said("A dog.", (0.0, 3.0)))
    assert target.text == "00:00-00:03  A dog.\n"


def test_times_say_hours_from_an_hour_on_and_tenths_where_a_window_is_short():
    assert time_range((3599.0, 3605.0)) == "59:59-1:00:05"
    assert time_range((12.4, 12.9)) == "00:12.4-00:12.9"
    assert time_range((0.3, 1.1)) == "00:00-00:01"


def test_json_says_from_when_to_when():
    record = json.loads(written(lambda target, form: JsonWriter(target), said("x", (12.0, 20.25), times_s=(12.0,))))
    assert (record["start_s"], record["end_s"]) == (12.0, 20.25) and "time_s" not in record
    assert "start_s" not in json.loads(written(lambda target, form: JsonWriter(target), said("x")))


def test_formats_of_clips_are_there_where_clips_are_read():
    assert format_of_file("a.srt", CLIPS).name == "srt"
    assert format_of_file("a.ffmeta", CLIPS).name == "chapters"
    assert format_of_file("a.chapters.txt", CLIPS).name == "chapter-list"
    assert format_of_file("a.txt", CLIPS).name == "text"
    with pytest.raises(UsageError, match=r"srt says what happens in a clip.*See smol video"):
        find_format("srt")


def test_subtitles_of_a_clip_are_written_as_they_are_named(smol, drawn, tmp_path):
    files = {name: tmp_path / f"a.{name}" for name in ("srt", "vtt", "ffmeta", "json")}
    short = ["--srt", files["srt"], "--vtt", files["vtt"], "--chapters", tmp_path / "a.txt", "-o", files["ffmeta"]]
    done = smol("video", "-q", drawn / "clip.mp4", "What is this?", *short, "-o", files["json"])
    assert done.code == 0 and done.out == ""
    text = json.loads(files["json"].read_text())["text"]
    [cue] = srt.parse(files["srt"].read_text())
    assert cue.end.total_seconds() == 3.0 and cue.content.split() == text.split()
    assert webvtt.read(files["vtt"]).captions[0].end == "00:00:03.000"
    assert (tmp_path / "a.txt").read_text().startswith("0:00 ") and "END=3000" in files["ffmeta"].read_text()


def test_an_output_named_without_o_may_be_standard_output_and_f_says_what_else_goes_there(smol, drawn, tmp_path):
    done = smol("video", "-q", drawn / "clip.mp4", "What is this?", "--srt", "-")
    assert len(list(srt.parse(done.out))) == 1
    done = smol("video", "-q", drawn / "clip.mp4", "What is this?", "--srt", tmp_path / "a.srt", "-f", "jsonl")
    assert done.record["text"].split() == next(iter(srt.parse((tmp_path / "a.srt").read_text()))).content.split()


def test_several_clips_in_one_file_of_subtitles_are_refused_before_anything_is_read(smol, drawn, tmp_path):
    done = smol("video", drawn / "clip.mp4", drawn / "clip.mp4", "--srt", tmp_path / "a.srt")
    assert done.code == 2 and "--sidecar srt" in done.sentence
    assert not (tmp_path / "a.srt").exists()


def test_a_file_of_subtitles_beside_each_clip(smol, drawn, tmp_path):
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(drawn / "clip.mp4", tmp_path / name)
    done = smol("video", "-q", tmp_path / "a.mp4", tmp_path / "b.mp4", "What is this?", "--sidecar", "srt,vtt")
    assert done.code == 0
    assert (tmp_path / "a.srt").read_text() == (tmp_path / "b.srt").read_text() != ""
    assert len(webvtt.read(tmp_path / "b.vtt").captions) == 1


@pytest.mark.parametrize("flags", [("--srt", "a.srt", "-o", "a.srt"), ("--srt", "-", "--vtt", "-")])
def test_an_output_that_is_named_twice_is_refused(smol, drawn, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    assert "named twice" in smol("video", drawn / "clip.mp4", *flags).sentence


def test_a_clip_is_never_written_over(smol, drawn, tmp_path):
    shutil.copy(drawn / "clip.mp4", tmp_path / "a.mp4")
    done = smol("video", tmp_path / "a.mp4", "--srt", tmp_path / "a.mp4", "--force")
    assert done.code == 2 and "itself to be read" in done.sentence
