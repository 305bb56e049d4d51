"""smol video: a clip drawn here, its frames and times as the reference samples them."""

import pytest
from drawing import draw_clip, golden


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """20 s at 6 frames a second: more than the built-in model can read."""
    return draw_clip(tmp_path_factory.mktemp("clip") / "long.mp4", 120, fps=6.0)


def test_a_question_about_a_clip_is_answered_with_its_frames_and_times(smol, drawn):
    record = smol("video", drawn / "clip.mp4", "What is moving?", "--json").record
    [medium] = record["media"]
    assert record["question"] == "What is moving?" and record["text"] and medium["kind"] == "video"
    assert [frame["index"] for frame in medium["frames"]] == [0, 44, 89]
    for frame in medium["frames"]:
        assert frame.keys() == {"index", "time_s", "stream_time_s"}
        assert frame["time_s"] == pytest.approx(frame["index"] / 30)
        assert frame["stream_time_s"] == pytest.approx(frame["time_s"], abs=1 / 60)


def test_without_a_question_the_clip_is_described(smol, drawn):
    done = smol("video", drawn / "clip.mp4")
    assert done.code == 0 and done.out.strip()
    assert smol("video", drawn / "clip.mp4", "--json").record["question"] == "Describe this video."


CONSTANT_RATE = [
    case
    for case in golden("frames.json")
    if case["total_frames"] <= 900
    and case["native_fps"]
    and case["duration"] == case["total_frames"] / case["native_fps"]
]


@pytest.mark.parametrize("case", CONSTANT_RATE[:8], ids=lambda case: case["name"])
def test_frames_and_labels_are_the_references(smol, tmp_path, case):
    from models import member_pair  # the built-in model reads fewer frames than the reference takes

    pair = member_pair("SmolVLM2-256M-Video-Instruct")
    clip = draw_clip(tmp_path / "clip.mp4", case["total_frames"], case["native_fps"])
    argv = ("--frames", case["max_frames"], "--fps", case["fps"], "-m", pair.language, "--mmproj", pair.projector)
    [medium] = smol("plan", clip, *argv, "--json").record["media"]
    assert medium["fps"] == pytest.approx(case["native_fps"])
    assert [frame["index"] for frame in medium["frames"]] == case["expected"]["indices"]
    assert [frame["label"] for frame in medium["frames"]] == case["expected"]["labels"]
    assert [frame["time_s"] for frame in medium["frames"]] == pytest.approx(case["expected"]["timestamps"])


def test_fewer_frames_than_asked_are_said_with_the_reason(smol, drawn, long_clip):
    short = smol("video", drawn / "clip.mp4", "--frames", "10")
    assert "3 frames" in short.err and "10 asked for" in short.err and "3.0 s" in short.err
    trained = smol("video", long_clip, "--frames", "18", "--json")
    most = len(trained.record["media"][0]["frames"])
    assert most < 18 and f"{most} frames" in trained.err and "trained on at most" in trained.err
    assert trained.record["warnings"] == [trained.err.splitlines()[-1].removeprefix("smol: note: ")]
    context = smol("video", long_clip, "--frames", "5", "--context", "420", "--json")
    fit = len(context.record["media"][0]["frames"])
    assert fit < 5 and f"{fit} frames" in context.err and "context of 420" in context.err


def test_more_frames_than_the_reference_takes_by_default_are_read_where_the_context_holds_them(smol, tmp_path):
    from models import member_pair

    pair = member_pair("SmolVLM2-256M-Video-Instruct")
    clip = draw_clip(tmp_path / "clip.mp4", 450, fps=6.0)
    argv = ("plan", clip, "--fps", "2", "-m", pair.language, "--mmproj", pair.projector, "--json")
    default, asked = smol(*argv), smol(*argv, "--frames", "80")
    assert len(default.record["media"][0]["frames"]) == 64
    assert len(asked.record["media"][0]["frames"]) == 80 and "instead of" not in asked.err
    most = smol(*argv, "--frames", "128")
    assert most.record["fits"] and 80 < len(most.record["media"][0]["frames"]) < 128
    assert "the 128 asked for" in most.err and "context of 8192" in most.err
    assert smol(*argv, "--frames", "9999", "--fps", "60").record["fits"]


def test_a_clip_of_fewer_frames_than_seconds_is_not_said_to_be_short(smol, tmp_path):
    slow = smol("plan", draw_clip(tmp_path / "slow.avi", 3, fps=0.5, fourcc="MJPG"), "--json")
    assert len(slow.record["media"][0]["frames"]) == 3 and "has no more" in slow.err


def test_a_default_that_cannot_read_every_second_says_so(smol, long_clip):
    done = smol("plan", long_clip)
    assert "20 at 1 a second" in done.err and "trained on at most" in done.err


def test_as_many_frames_as_asked_need_no_words(smol, drawn, long_clip):
    assert "frames" not in smol("video", drawn / "clip.mp4").err.replace("note", "")
    done = smol("video", long_clip, "--frames", "4", "--json")
    assert len(done.record["media"][0]["frames"]) == 4 and "instead of" not in done.err


def test_one_frame_and_a_slow_rate_are_possible(smol, drawn):
    record = smol("video", drawn / "clip.mp4", "--frames", "1", "--fps", "0.1", "--json").record
    assert len(record["media"][0]["frames"]) == 1 and record["time_s"] == record["media"][0]["frames"][0]["time_s"]


def test_a_faster_rate_takes_more_frames(smol, drawn):
    assert len(smol("video", drawn / "clip.mp4", "--fps", "1.5", "--json").record["media"][0]["frames"]) == 4


def test_frames_are_never_split(smol, drawn):
    for detail in ("low", "high"):
        record = smol("video", drawn / "clip.mp4", "--detail", detail, "--json").record
        assert record["counts"]["encodes"] == 3


def test_a_clip_and_a_picture_share_the_context(smol, long_clip, drawn):
    done = smol("ask", long_clip, drawn / "exit.png", "What is this?", "--frames", "5", "--context", "400", "--json")
    clip, picture = done.record["media"]
    assert done.code == 0 and len(clip["frames"]) < 5 and picture["kind"] == "image" and "context of 400" in done.err


@pytest.mark.parametrize(
    ("argv", "code"), [(["--frames", "0"], 2), (["--fps", "0"], 2), (["--fps", "nan"], 2), ([""], 2)]
)
def test_what_cannot_be_sampled_is_code_2(smol, drawn, argv, code):
    done = smol("video", drawn / "clip.mp4", *argv)
    assert done.code == code and done.out == "" and done.sentence


@pytest.mark.parametrize("name", ["exit.png", "doc.pdf"])
def test_a_picture_is_no_clip(smol, drawn, name):
    done = smol("video", drawn / name)
    assert done.code == 3 and "smol" in done.sentence


def test_a_clip_through_a_pipe_is_read(smol, smol_process, drawn):
    done = smol_process("video", "-", "-q", stdin=(drawn / "clip.mp4").read_bytes())
    assert done.code == 0
    assert done.out == smol("video", "-q", drawn / "clip.mp4").out
