"""smol video --scenes and --no-dedupe, with the built-in model."""

import json

from test_media_scenes import FPS, film, slide

from smolcli.cli import main


def records(capsys, *arguments):
    assert main(["video", *arguments, "--json", "--no-store", "-q"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_scene_is_described_with_its_own_times_and_what_stands_still_is_encoded_once(tmp_path, capsys):
    words = ["ONE", "TWO", "THREE"]
    path = film(tmp_path / "a.mp4", [slide(words[n // (3 * FPS)], height=60) for n in range(9 * FPS)])
    *scenes, whole = records(capsys, path, "--scenes")
    assert [round(record["start_s"]) for record in scenes] == [0, 3, 6]
    assert [record["text"] for record in scenes] == words
    assert all(record["counts"]["encodes"] == 1 for record in scenes)
    assert "start_s" not in whole
    frames = [frame["time_s"] for frame in scenes[1]["media"][0]["frames"]]
    assert len(frames) == 3 and all(2.9 < time_s < 6.1 for time_s in frames), "each frame keeps its own time"


def test_without_dedupe_a_frame_is_what_was_decoded(tmp_path, capsys):
    path = film(tmp_path / "a.mp4", [slide("ONE", height=60)] * (4 * FPS), noise=3.0)
    [usual] = records(capsys, path)
    [every] = records(capsys, path, "--no-dedupe")
    assert usual["counts"]["encodes"] <= 2 < every["counts"]["encodes"] == 4


def test_scenes_and_every_are_two_ways_to_choose_windows(tmp_path, capsys):
    path = film(tmp_path / "a.mp4", [slide("ONE")] * FPS)
    assert main(["video", path, "--scenes", "--every", "5s"]) == 2
    assert "--scenes and --every cut a clip in two ways" in capsys.readouterr().err
