"""smol caption: many pictures, a line each as it is finished."""

import json
import os

import pytest
from drawing import draw_text


@pytest.fixture
def folder(tmp_path):
    """Three pictures, one of them by content only; a text, a hidden picture and a folder with one more."""
    inside = tmp_path / "in"
    (inside / "deeper").mkdir(parents=True)
    for name in ("b.png", "a.png", ".hidden.png", "deeper/d.png"):
        draw_text(inside / name, "EXIT", (128, 128), 40)
    os.link(inside / "a.png", inside / "no-suffix")
    (inside / "notes.txt").write_text("no picture")
    return inside


def captions(done):
    return dict(line.split("\t") for line in done.out.splitlines())


def test_a_folder_gives_a_line_for_each_picture_in_it(smol, folder):
    done = smol("caption", folder)
    assert done.code == 0 and sorted(captions(done)) == [str(folder / n) for n in ("a.png", "b.png", "no-suffix")]
    assert all(captions(done).values())


def test_recursive_looks_into_folders_of_folders(smol, folder):
    assert str(folder / "deeper" / "d.png") in captions(smol("caption", folder, "--recursive", "--max-tokens", "4"))


def test_reads_large_print(smol, drawn):
    assert (
        "42" in captions(smol("caption", drawn / "total.png", "-Q", "Transcribe the text."))[str(drawn / "total.png")]
    )


def test_a_bad_file_among_good_ones_is_reported_and_the_rest_go_on(smol, folder):
    bad = folder / "bad.jpg"
    bad.write_text("no picture")
    done = smol("caption", folder / "a.png", bad, folder / "nowhere.png", folder / "b.png")
    assert done.code == 1 and sorted(captions(done)) == [str(folder / "a.png"), str(folder / "b.png")]
    first, second, last = [line for line in done.err.splitlines() if "error" in line]
    assert "bad.jpg" in first and "nowhere.png" in second and "2 of 4 inputs failed" in last


def test_an_empty_folder_is_a_bad_input_like_any_other(smol, folder):
    (folder / "empty").mkdir()
    done = smol("caption", folder / "empty", folder / "a.png")
    assert done.code == 1 and list(captions(done)) == [str(folder / "a.png")] and "no pictures" in done.err
    assert smol("caption", folder / "empty").code == 3


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_but_bad_files_is_code_3(smol, tmp_path, count):
    for number in range(count):
        (tmp_path / f"{number}.jpg").write_text("no picture")
    done = smol("caption", *[tmp_path / f"{n}.jpg" for n in range(count)])
    assert done.code == 3 and done.out == ""
    assert len([line for line in done.err.splitlines() if "error" in line]) == (1 if count == 1 else 3)


def test_a_damaged_picture_gets_no_caption(smol, folder):
    data = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    done = smol("caption", folder / "cut.png")
    assert done.code == 3 and done.out == "" and "cut.png" in done.sentence


def test_json_has_a_line_for_each_picture(smol, folder):
    records = smol("caption", folder, "--json").records
    assert sorted(record["media"][0]["source"] for record in records) == sorted(
        str(folder / name) for name in ("a.png", "b.png", "no-suffix")
    )
    assert {record["question"] for record in records} == {"Describe this image."}
    assert {record["counts"]["prompt_tokens"] for record in records} == {records[0]["counts"]["prompt_tokens"]}


def test_captions_are_read_low_unless_told_otherwise(smol, drawn):
    low, high = (smol("caption", drawn / "exit.png", "--json", *more).record for more in ((), ("--detail", "high")))
    assert low["counts"]["encodes"] == 1 < high["counts"]["encodes"]


def test_one_at_a_time_the_order_is_that_of_the_arguments(smol, folder):
    paths = [folder / name for name in ("b.png", "deeper/d.png", "a.png")]
    done = smol("caption", *paths, "--max-tokens", "3", "--parallel", "1")
    assert list(captions(done)) == [str(path) for path in paths]


@pytest.mark.parametrize(
    ("options", "together"),
    [((), 8), (("--parallel", "auto"), 8), (("--parallel", "1"), 1), (("--parallel", "256"), 256)],
)
def test_captions_are_written_together_as_many_as_asked(smol, folder, monkeypatch, options, together):
    from smolcli.engine import smolvlm

    seen = []

    class Watched(smolvlm.Scheduler):
        def __init__(self, decoder, cells, parallel, *sizes):
            seen.append(parallel)
            super().__init__(decoder, cells, parallel, *sizes)

    monkeypatch.setattr(smolvlm, "Scheduler", Watched)
    assert smol("caption", folder / "a.png", folder / "b.png", "--max-tokens", "3", *options).code == 0
    assert seen and set(seen) == {together}


def test_a_file_named_twice_is_read_once(smol, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(captions(smol("caption", "a.png", "./a.png", folder / ".." / "in", "--max-tokens", "2"))) == 4


def test_every_page_of_a_document_gets_a_line(smol, drawn):
    done = smol("caption", drawn / "doc.pdf", "--max-tokens", "2", "--pages", "1,3")
    assert sorted(captions(done)) == [f"{drawn / 'doc.pdf'}#page={number}" for number in (1, 3)]


def test_odd_names_keep_to_one_line_and_one_column(smol, tmp_path):
    names = ["tab\there.png", "new\nline.png", "back\\slash.png", "\x1b[31mred.png", "spa ce.png", "ü.png", "-rf.png"]
    for name in names:
        draw_text(tmp_path / name, "EXIT", (64, 64), 20)
    done = smol("caption", tmp_path, "--max-tokens", "2")
    wanted = [
        "tab\\there.png",
        "new\\nline.png",
        "back\\\\slash.png",
        "\\x1b[31mred.png",
        "spa ce.png",
        "ü.png",
        "-rf.png",
    ]
    assert done.code == 0 and sorted(captions(done)) == sorted(f"{tmp_path}/{name}" for name in wanted)
    records = smol("caption", tmp_path, "--max-tokens", "2", "--json").records
    assert sorted(record["media"][0]["source"] for record in records) == sorted(str(tmp_path / name) for name in names)


def test_a_name_that_is_no_utf8_comes_out_as_the_bytes_it_is(smol_process, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    draw_text(tmp_path / "plain.png", "EXIT", (64, 64), 20)
    os.rename(tmp_path / "plain.png", name)
    done = smol_process("caption", name, "--max-tokens", "2", "-q")
    assert done.code == 0 and os.fsencode(done.out).startswith(name + b"\t")
    assert json.loads(smol_process("caption", name, "--json", "-q").out)["media"][0]["source"] == os.fsdecode(name)


def test_a_file_called_dash_in_a_folder_is_a_file(smol, tmp_path, monkeypatch):
    draw_text(tmp_path / "a.png", "EXIT", (64, 64), 20)
    os.rename(tmp_path / "a.png", tmp_path / "-")
    monkeypatch.chdir(tmp_path)
    assert list(captions(smol("caption", ".", "--max-tokens", "2"))) == ["./-"]


def test_a_clip_is_refused_with_the_command_that_reads_it(smol, drawn):
    done = smol("caption", drawn / "clip.mp4")
    assert done.code == 3 and "smol video" in done.sentence


def test_plan_is_shown_for_each_picture(smol, drawn):
    done = smol("caption", drawn / "exit.png", drawn / "doc.pdf", "--plan", "-q", "--max-tokens", "2")
    assert sum("tokens of 2048" in line for line in done.err.splitlines()) == 4
