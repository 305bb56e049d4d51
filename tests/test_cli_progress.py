"""The bar on stderr: what it shows, when, and when it stays away."""

import io
import sys

import pytest

from smolcli.console import Progress, bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Call it in the test's body: pytest puts its own streams in place between a fixture and its test."""

    def put_in_place(show_after_s=-1.0):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(bars, "SHOW_AFTER_S", show_after_s)
        return screen

    return put_in_place


def encode(progress, total):
    for done in range(total + 1):
        progress.tile(done, total)


def test_tiles_that_take_a_while_are_counted_and_the_bar_goes_away(terminal):
    stderr = terminal()
    progress = Progress(quiet=False)
    encode(progress, 5)
    assert "tiles" in stderr.getvalue()
    assert progress._bar is None


def test_tiles_that_are_done_at_once_show_no_bar(terminal):
    stderr = terminal(show_after_s=60.0)
    encode(Progress(quiet=False), 17)
    assert stderr.getvalue() == ""


def test_quiet_and_pipes_show_no_bar(terminal, monkeypatch):
    stderr = terminal()
    encode(Progress(quiet=True), 5)
    assert stderr.getvalue() == ""
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    progress = Progress(quiet=False)
    progress.start(9)
    encode(progress, 5)
    progress.close()
    assert pipe.getvalue() == ""


def test_answers_and_tiles_share_one_bar(terminal, monkeypatch):
    stderr = terminal()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    progress = Progress(quiet=False)
    progress.start(3)
    encode(progress, 5)
    assert progress._bar is not None  # answers are still being counted
    progress.advance()
    progress.close()
    assert "answers" in stderr.getvalue()
    assert "tiles" in stderr.getvalue()


def test_a_request_without_pictures_shows_no_tiles(terminal):
    stderr = terminal()
    encode(Progress(quiet=False), 0)
    assert stderr.getvalue() == ""
