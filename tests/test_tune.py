"""smol tune ocr: known pages are read in every form, and what reads best is how smol ocr reads from then on."""

import json
from dataclasses import replace

import cv2
import jiwer
import numpy as np
import pytest
from documents import draw_document
from fakes.engine import FACTS
from models import golden_pair, speaking_pair
from test_doctags_engine import PAGE

from smolcli.checks import TRIAL_HEADER, Trial, best, trial_rows, tuning
from smolcli.checks import quickest as checks_quickest
from smolcli.checks.known_pages import known_page
from smolcli.checks.tuning import character_errors
from smolcli.console import show_table
from smolcli.errors import EngineError
from smolcli.models import builtin, builtin_pages
from smolcli.tuned import Tuned, remember_tuned, tuned, tuned_key
from smolcli.verbs import Form

SOME = Tuned("lines", 4, 26.0, 0.01, 2.5)


def trial(layout, errors, seconds, failed=""):
    return Trial(Form(layout, 256), errors, seconds, failed)


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="module")
def notice(tmp_path_factory):
    file = tmp_path_factory.mktemp("tune") / "notice.png"
    assert cv2.imwrite(str(file), draw_document("large", 2, 100).rgb[:, :, ::-1])
    return file


def test_known_pages_are_the_same_every_time_and_none_like_another():
    pages = [known_page(number) for number in range(4)]
    assert pages == [known_page(number) for number in range(4)]
    assert len({page.text for page in pages}) == 4
    for page in pages:
        pixels = cv2.imdecode(np.frombuffer(page.png, np.uint8), cv2.IMREAD_GRAYSCALE)
        inked = (pixels < 128).any(axis=1)
        assert np.count_nonzero(inked[1:] & ~inked[:-1]) >= len(page.text.splitlines())  # as many lines as it says


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ("abc", "abc"),
        ("abc", "axc"),
        ("abc", ""),
        ("a b\nc", "a  b c"),
        ("kitten", "sitting"),
        ("ab", "abab"),
        ("x", "yz"),
    ],
)
def test_errors_are_counted_as_the_field_counts_them(want, got):
    plain = (" ".join(text.split()) for text in (want, got))
    assert character_errors(want, got) == pytest.approx(jiwer.cer(*plain))


def test_the_fewest_errors_are_best_and_of_those_that_are_as_good_the_quickest():
    slow, quick, worse = trial("page", 0.010, 9.0), trial("lines", 0.013, 2.0), trial("blocks", 0.2, 1.0)
    assert best([slow, quick, worse]) is quick
    assert best([slow, worse]) is slow
    assert best([trial("page", 1.0, 0.1, "The prompt is too long."), worse]) is worse
    with pytest.raises(EngineError, match=r"too long\."):
        best([trial("page", 1.0, 0.1, "The prompt is too long.")])


def test_the_table_has_a_row_for_every_form_and_marks_the_best(capsys):
    lines, page = trial("lines", 0.013, 2.04), trial("page", 1.0, 0.5, "The prompt is too long.")
    show_table(TRIAL_HEADER, *trial_rows([lines, page], lines))
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["LAYOUT", "ROWS", "LETTERS", "CER", "S/PAGE"]
    assert rows[0].split() == ["lines", "4", "26", "px", "1.3%", "2.0", "best"]
    assert rows[1].startswith("page") and rows[1].endswith("The prompt is too long.") and "%" not in rows[1]


def test_what_was_measured_is_kept_by_model(state):
    assert tuned(state, "a") is None
    assert remember_tuned(state, "a", SOME) and remember_tuned(state, "b", Tuned("page", 4, 26.0, 0.2, 1.0))
    assert (tuned(state, "a"), tuned(state, "b").layout, tuned(state, "c")) == (SOME, "page", None)


@pytest.mark.parametrize(
    "change",
    [{"layout": "words"}, {"layout": ["lines"]}, {"rows": 0}, {"rows": True}, {"rows": 4.0}, {"letter_px": 1.0},
     {"letter_px": float("nan")}, {"errors": "few"}, {"seconds": -1.0}, {"more": 1}],
    ids=str,
)  # fmt: skip
def test_a_strange_entry_is_no_measurement(state, change):
    remember_tuned(state, "a", SOME)
    file = state / "layouts.json"
    file.write_text(json.dumps({"a": json.loads(file.read_text())["a"] | change}))
    assert tuned(state, "a") is None
    assert remember_tuned(state, "a", SOME) and tuned(state, "a") == SOME


@pytest.mark.parametrize("content", ["", "[", "[]", "3", '{"a": 3}', "[" * 9999, "\0"])
def test_a_damaged_file_is_no_error_and_is_written_anew(state, content):
    state.mkdir()
    (state / "layouts.json").write_text(content)
    assert tuned(state, "a") is None
    assert remember_tuned(state, "a", SOME) and tuned(state, "a") == SOME


def test_forms_are_tried_and_the_best_is_kept(smol, state, monkeypatch):
    """Two of the five forms, as the rest is slow."""
    every = list(tuning.forms(replace(FACTS, tile_px=256), builtin_pages()["nothing"]))
    assert [form.layout for form in every] == ["lines", "lines", "lines", "blocks", "page"]
    monkeypatch.setattr(tuning, "forms", lambda facts, nothing: (every[1], every[4]))
    pair = builtin()
    words = ("-m", pair.language, "--mmproj", pair.projector, "--pages", "1", "--context", "700")
    done = smol("tune", "ocr", *words, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    lines, page = done.record["tried"]
    assert (lines["layout"], lines["rows"], lines["failed"]) == ("lines", 4, None) and lines["errors"] < 0.03
    assert page["errors"] > lines["errors"] and lines["seconds"] > 0
    assert done.record["model"] == "smol-nano" and done.record["best"].items() <= lines.items()
    [kept] = json.loads((state / "layouts.json").read_text()).values()
    assert kept == done.record["best"]


def test_another_model_is_shown_blocks_until_it_was_measured_and_then_what_reads_best(smol, state, notice):
    pair = builtin()
    model = ("-m", pair.language, "--mmproj", pair.projector)
    before = smol("ocr", notice, *model, "--max-tokens", "8")
    assert f"smol tune ocr -m {pair.language}" in before.err and "blocks" in before.err
    size = pair.language.stat().st_size + pair.projector.stat().st_size
    remember_tuned(state, tuned_key(pair.name, size, "cpu"), SOME)
    after = smol("ocr", notice, *model)
    assert "smol tune" not in after.err
    assert after.out == smol("ocr", notice).out != before.out  # the built-in model's own form is the same


def test_whoever_names_a_layout_needs_no_measurement(smol, state, notice):
    pair = golden_pair("f32")
    done = smol(
        "ocr", notice, "-m", pair.language, "--mmproj", pair.projector, "--layout", "blocks", "--max-tokens", "2"
    )
    assert "smol tune" not in done.err


def test_a_model_that_writes_doctags_is_not_measured(smol, state):
    pair = speaking_pair(PAGE)
    done = smol("tune", "ocr", "-m", pair.language, "--mmproj", pair.projector)
    assert (done.code, done.out) == (0, "") and "DocTags" in done.err
    assert not (state / "layouts.json").exists()


def test_tune_without_a_word_measures_all_that_there_is(smol, state, monkeypatch):
    every = list(tuning.forms(replace(FACTS, tile_px=256), builtin_pages()["nothing"]))
    monkeypatch.setattr(tuning, "forms", lambda facts, nothing: every[1:2])
    monkeypatch.setattr(checks_quickest, "other_threads", lambda threads: [])
    monkeypatch.setattr(checks_quickest, "_ROWS", ())
    done = smol("tune")
    assert done.code == 0 and "LAYOUT" in done.out and "COMPUTED WITH" in done.out
    assert {file.name for file in state.iterdir()} >= {"layouts.json", "quickest.json"}
