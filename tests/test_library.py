"""smol as a library: what `smolcli.__all__` names, from a user's program."""

import subprocess
import sys
from pathlib import Path

import pytest

import smolcli
from smolcli.errors import EngineError
from smolcli.generation import Encoded, Piece
from smolcli.run import Access, Planned
from smolcli.verbs import docvqa

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SMOL_STORE", "on")
    with smolcli.open() as opened:
        yield opened


def test_an_answer_is_one_line_away(reader, drawn):
    [answer] = reader.ask(str(drawn / "exit.png"), "What does it say?")
    assert isinstance(answer, smolcli.Answer) and answer.text == "EXIT" and not answer.cached
    assert answer.question == "What does it say?" and [place.source.kind for place in answer.places] == ["image"]
    [again] = reader.ask(str(drawn / "exit.png"), "What does it say?")
    assert again.cached and again.text == "EXIT" and again.generation.counts.encodes == 0


def test_files_are_asked_about_together_and_one_that_cannot_be_read_is_a_failure(reader, drawn):
    [answer] = reader.ask([str(drawn / "exit.png"), str(drawn / "clip.mp4")], "What?", smolcli.Look("low", frames=2))
    assert [len(group) for group in answer.shown] == [1, 2]
    [failed] = reader.ask([str(drawn / "exit.png"), "none.png"], "What?")
    assert isinstance(failed, smolcli.Failure) and (failed.source, failed.exit_code) == ("none.png", 3)


def test_jobs_of_a_verb_are_read_in_order_and_streamed_with_all_that_happens(reader, drawn):
    template = reader.template("docvqa", ["What does it say?"])
    jobs = list(docvqa(reader.files, [str(drawn / "doc.pdf")], template, Access()))
    pages = [job for job in jobs if isinstance(job, smolcli.Job)]
    answers = list(reader.read(pages[::-1]))  # jobs outlive the file that they were made from
    assert [answer.places[0].page for answer in answers] == [3, 2, 1]
    events = list(
        reader.stream(docvqa(reader.files, [str(drawn / "doc.pdf")], reader.template("docvqa", ["And?"]), Access()))
    )
    kinds = {type(event) for event in events}
    assert {Planned, Encoded, Piece, smolcli.Answer} <= kinds
    assert "".join(e.text for e in events if isinstance(e, Piece)) == "".join(
        e.text for e in events if isinstance(e, smolcli.Answer)
    )


def test_a_closed_reader_is_an_error_and_not_a_crash(drawn):
    opened = smolcli.open(store=False)
    opened.close()
    opened.close()
    with pytest.raises(EngineError, match="closed"):
        list(opened.ask(str(drawn / "exit.png"), "What?"))


def test_options_are_the_engines_and_unknown_ones_are_refused():
    with smolcli.open(store=False, context=512, parallel=2) as opened:
        assert (opened.engine.context_tokens, opened.engine.parallel) == (512, 2)
    with pytest.raises(TypeError, match="colour"):
        smolcli.open(colour="red")
    with pytest.raises(smolcli.SmolError, match="nowhere"):
        smolcli.open("nowhere.gguf")


def test_everything_that_is_promised_is_there_and_nothing_is_loaded_before_it_is_asked_for():
    assert all(getattr(smolcli, name) is not None for name in smolcli.__all__)
    assert not hasattr(smolcli, "nothing")
    code = (
        "import sys, smolcli.jobs, smolcli; smolcli.Job, smolcli.Place;"
        "print([name for name in ('numpy', 'PIL', 'cv2', 'typer', 'llama_cpp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
