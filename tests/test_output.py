"""Targets: a file appears whole or not at all, and what standard output makes of text and bytes."""

import gc
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smolcli.errors import OutputError, ReaderGoneError
from smolcli.files import OutputFile, StandardOutput, open_target


def test_bytes_go_where_text_goes(tmp_path, capfdbinary):
    file = OutputFile(tmp_path / "out.pdf", force=False)
    file.write("ä")
    file.write_bytes(b"\xff\x00")
    file.write("z")
    file.commit()
    assert (tmp_path / "out.pdf").read_bytes() == b"\xc3\xa4\xff\x00z"
    StandardOutput().write("a")
    StandardOutput().write_bytes(b"\xff\x00")
    assert capfdbinary.readouterr().out == b"a\xff\x00"


def test_bytes_to_a_stream_that_takes_text_only_are_an_output_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    with pytest.raises(OutputError, match="text only"):
        StandardOutput().write_bytes(b"a")


def test_a_file_appears_only_when_it_is_committed(tmp_path):
    file = OutputFile(tmp_path / "out.txt", force=False)
    file.write("a\n")
    assert not (tmp_path / "out.txt").exists()
    file.commit()
    assert (tmp_path / "out.txt").read_text() == "a\n" and os.listdir(tmp_path) == ["out.txt"]
    file.discard()
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_discarded_file_leaves_nothing(tmp_path):
    file = OutputFile(tmp_path / "out.txt", force=False)
    file.write("a\n")
    file.discard()
    assert os.listdir(tmp_path) == []


def test_a_file_that_appears_meanwhile_is_not_replaced_and_the_answers_are_kept(tmp_path):
    file = OutputFile(tmp_path / "out.txt", force=False)
    file.write("hours of work\n")
    (tmp_path / "out.txt").write_text("precious")
    with pytest.raises(OutputError, match="meanwhile") as caught:
        file.commit()
    assert (tmp_path / "out.txt").read_text() == "precious"
    [kept] = [name for name in os.listdir(tmp_path) if name != "out.txt"]
    assert kept in str(caught.value) and (tmp_path / kept).read_text() == "hours of work\n"


def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again_and_nothing_else(tmp_path):
    code = (
        "import os, pathlib, smolcli.files as f; o = f.OutputFile(pathlib.Path('a[1].txt'), False); o.write('half'); "
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code + "os._exit(9)"], cwd=tmp_path, check=False)
    (tmp_path / ".a[1].txt.original").write_text("the user's")
    [left] = [name for name in os.listdir(tmp_path) if "smol-" in name]
    first = OutputFile(tmp_path / "a[1].txt", force=False)
    assert not (tmp_path / left).exists()
    second = OutputFile(tmp_path / "a[1].txt", force=True)  # two at work leave each other's alone
    first.write("whole\n")
    first.commit()
    second.discard()
    assert (tmp_path / "a[1].txt").read_text() == "whole\n"
    assert sorted(os.listdir(tmp_path)) == [".a[1].txt.original", "a[1].txt"]


def test_a_file_whose_making_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    """The signal comes when the hidden file is there and nobody knows of it yet, or before anybody could discard it."""
    opened = os.fdopen

    def interrupted(descriptor, *arguments, **more):
        signal.raise_signal(signal.SIGINT)
        return opened(descriptor, *arguments, **more)

    monkeypatch.setattr("smolcli.files.os.fdopen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        OutputFile(tmp_path / "out.txt", force=False)
    monkeypatch.undo()
    OutputFile(tmp_path / "out.txt", force=False)
    gc.collect()
    assert os.listdir(tmp_path) == []


def test_force_replaces_what_is_there(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(OutputError, match="--force"):
        OutputFile(tmp_path / "out.txt", force=False)
    file = OutputFile(tmp_path / "out.txt", force=True)
    file.write("new")
    file.commit()
    assert (tmp_path / "out.txt").read_text() == "new"


def test_a_link_that_leads_nowhere_exists(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OutputError, match="exists"):
        OutputFile(tmp_path / "link", force=False)


def test_bytes_of_a_file_name_come_out_as_they_are(tmp_path):
    file = OutputFile(tmp_path / "out.txt", force=False)
    file.write("caf\udce9\n")
    file.commit()
    assert (tmp_path / "out.txt").read_bytes() == b"caf\xe9\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_an_output_error():
    file = OutputFile(Path("/dev/full"), force=False)
    with pytest.raises(OutputError, match="No space left"):
        file.write("a")
    file.discard()


def test_a_closed_pipe_is_an_error_without_words(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(ReaderGoneError, match=r"^$"):
        StandardOutput().write("a")
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_dash_is_standard_output(capsys):
    for name in (None, "-"):
        open_target(name, force=False).write("a")
    assert capsys.readouterr().out == "aa"


def test_a_signal_at_the_moment_at_which_the_hidden_file_is_made_leaves_nothing(tmp_path, monkeypatch):
    """Other threads take signals too, so none can be held back for the time that it takes."""
    make = os.open

    def made_then_ended(path, flags, *mode, **where):
        descriptor = make(path, flags, *mode, **where)
        if flags & os.O_CREAT:
            os.close(descriptor)
            raise KeyboardInterrupt
        return descriptor

    monkeypatch.setattr(os, "open", made_then_ended)
    with pytest.raises(KeyboardInterrupt):
        OutputFile(tmp_path / "a.txt", force=False)
    monkeypatch.undo()
    gc.collect()
    assert list(tmp_path.iterdir()) == []
