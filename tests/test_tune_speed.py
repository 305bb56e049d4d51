"""smol tune speed: what is quicker every time is kept, used and shown; what may change an answer only where allowed."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from models import golden_pair

from smolcli.checks import Setting, SpeedTrial, SpeedTuning, Trying, others_of, quickest_of, speed_trials
from smolcli.checks import quickest as checks_quickest
from smolcli.checks.model import _tuning as tuning_check
from smolcli.computing import Computing, pair_bytes, quickest_way
from smolcli.engine import EngineOptions, load_engine
from smolcli.engine import placement as placements
from smolcli.engine.llama.devices import Device
from smolcli.errors import EngineError, UsageError
from smolcli.models import builtin, copy_of, other_types, retyped
from smolcli.options import ModelOptions
from smolcli.settings import load_settings
from smolcli.speeds import remember_device
from smolcli.tuned import Quickest, quickest, remember_quickest, tuned_key

FIRST = Setting(2, 512)


@pytest.fixture
def state(tmp_path, monkeypatch):
    for name in ("state", "cache"):
        monkeypatch.setenv(f"SMOL_{name.upper()}_DIR", str(tmp_path / name))
    return tmp_path / "state"


@pytest.fixture
def f16(tmp_path):
    """A tiny model whose projector is in F16, in a folder of its own."""
    pair = golden_pair("f16")
    files = [tmp_path / file.name for file in (pair.language, pair.projector)]
    for file, source in zip(files, (pair.language, pair.projector), strict=True):
        file.write_bytes(source.read_bytes())
    return replace(pair, language=files[0], projector=files[1], name=files[0].stem)


def trial(times, setting=FIRST, least=None, same=True):
    return SpeedTrial(setting, 1.0, times, times if least is None else least, same)


def found_quickest(pair, found, device="cpu"):
    assert remember_quickest(load_settings().state_dir, tuned_key(pair.name, pair_bytes(pair), device), found)


AS_IT_COMES = ModelOptions()


def way(pair, asked=AS_IT_COMES, opens=True, tell=lambda sentence: None):
    plain = EngineOptions(threads=asked.threads, device=asked.device, kv_type=asked.kv_type or "f16")
    plain = replace(plain, gpu_layers=asked.gpu_layers)
    return quickest_way(Computing(pair, plain), asked, opens, tell)


FOUR = Setting(4, 512)


@pytest.mark.parametrize(
    ("other", "allowed", "kept"),
    [
        (trial(1.2, FOUR), False, Quickest(4, times=1.2)),
        (trial(1.2, FOUR, same=False), False, Quickest()),
        (trial(1.2, FOUR, same=False), True, Quickest(4, times=1.2)),
        (trial(1.04, FOUR), False, Quickest()),
        (trial(1.2, FOUR, least=1.04), False, Quickest()),
        (trial(0.5, Setting(1, 512)), True, Quickest()),
        (trial(1.1, Setting(2, 256)), False, Quickest(None, 256, times=1.1)),
        (trial(1.1, replace(FIRST, pinned=True)), False, Quickest(pinned=True, times=1.1)),
        (trial(1.1, replace(FIRST, kv_type="q8_0"), same=False), True, Quickest(kv_type="q8_0", times=1.1)),
        (trial(1.3, replace(FIRST, projector="bf16"), same=False), True, Quickest(projector="bf16", times=1.3)),
        (SpeedTrial(FOUR, 0.0, 9.0, 9.0, True, "cannot"), True, Quickest()),
    ],
    ids=str,
)
def test_only_what_is_quicker_every_time_and_answers_the_same_is_kept(other, allowed, kept):
    assert quickest_of([trial(1.0), other, replace(other, final=True)], allowed) == kept


def test_what_won_by_chance_and_is_not_quicker_than_what_comes_by_itself_is_not_kept():
    won, again = trial(1.5, FOUR), replace(trial(1.5, FOUR, least=0.9), final=True)
    assert quickest_of([trial(1.0), won, again]) == quickest_of([trial(1.0), won]) == Quickest()


def test_what_wins_is_what_the_next_is_compared_with(monkeypatch):
    compared = []

    def compare(open_engine, one, other, rounds):
        compared.append((one, other))
        return trial(1.5 if other.threads == 3 != one.threads else 1.0, other)

    monkeypatch.setattr(checks_quickest, "compare", compare)
    monkeypatch.setattr(checks_quickest, "_read", lambda open_engine, setting: (1.0, ()))
    others = {"threads": [1, 3], "batch_rows": [256], "projector": ["bf16"]}
    tried = list(speed_trials(None, FIRST, others))
    three = Setting(3, 512)
    assert compared == [
        (FIRST, Setting(1, 512)),
        (FIRST, three),
        (three, Setting(3, 256)),
        (three, replace(three, projector="bf16")),
        (FIRST, three),
    ]
    assert [each.final for each in tried] == [False] * 5 + [True]
    assert quickest_of(tried) == Quickest(3, times=1.5)


def test_types_that_may_change_an_answer_are_tried_only_where_they_are_named(monkeypatch):
    monkeypatch.setattr(checks_quickest, "one_of_each_core", lambda: frozenset({0, 2}))
    plain = others_of(FIRST)
    assert plain["pinned"] == [True] and plain["batch_rows"] == [128, 256, 1024]
    assert not plain["projector"] and not plain["kv_type"]
    named = others_of(Setting(2, 2048), ("bf16",), ("f16", "bf16", "q8_0"))
    assert named["batch_rows"] == [512, 1024]
    assert (named["projector"], named["kv_type"]) == (("bf16",), ["bf16", "q8_0"])


def test_a_comparison_runs_both_in_turns_and_ends_once_it_cannot_win(monkeypatch):
    seconds = {1: iter([4.0, 4.0, 4.0, 4.0]), 2: iter([2.0, 2.0, 3.9, 2.0])}
    opened = []

    def read(open_engine, setting):
        opened.append(setting.threads)
        return next(seconds[setting.threads]), ((1, 2), -0.5)

    monkeypatch.setattr(checks_quickest, "_read", read)
    made = checks_quickest.compare(None, Setting(1, 512), FIRST, 9)
    assert opened == [2, 1, 1, 2, 2, 1] and made.same and not made.wins(True)
    assert (made.times, made.seconds, made.least) == (2.0, 2.0, pytest.approx(4.0 / 3.9))


def test_more_threads_change_no_word_of_a_real_model():
    def open_engine(setting):
        return load_engine(builtin(), setting.options(EngineOptions(context=512)))

    made = checks_quickest.compare(open_engine, Setting(1, 512), FIRST, 1)
    assert made.same and made.seconds > 0 and made.setting == FIRST


@pytest.mark.parametrize("first_fails", [True, False])
def test_what_cannot_be_computed_does_not_win_and_what_comes_by_itself_has_to(first_fails):
    def open_engine(setting):
        if (setting == FIRST) == first_fails:
            raise EngineError("It cannot be.")
        return load_engine(builtin(), setting.options(EngineOptions(context=512)))

    def compare():
        return checks_quickest.compare(open_engine, FIRST, Setting(1, 512), 1)

    if first_fails:
        with pytest.raises(EngineError):
            compare()
    else:
        made = compare()
        assert made.failed == "It cannot be." and not made.wins(True)


@pytest.mark.parametrize(
    ("other", "same"),
    [(((1, 2), -0.501), True), (((1, 2), -0.52), False), (((1, 3), -0.5), False), (((1,), -0.5), False)],
)
def test_answers_are_the_same_where_tokens_are_and_how_sure_of_them_the_model_is(other, same):
    assert checks_quickest._agree([((1, 2), -0.5), other]) == same


def test_what_is_quickest_is_measured_kept_used_and_shown(smol, state, monkeypatch):
    def compare(open_engine, one, other, rounds):
        return trial(1.5 if other.threads == 1 != one.threads else 1.0, other)

    monkeypatch.setattr(checks_quickest, "compare", compare)
    monkeypatch.setattr(checks_quickest, "other_threads", lambda threads: [1])
    done = smol("tune", "speed", "--threads", "2", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert done.record["best"] == {
        "threads": 1, "batch_rows": None, "pinned": False, "kv_type": None, "projector": None, "times": 1.5,
    }  # fmt: skip
    assert done.record["tried"][0]["threads"] == 2 and done.record["tried"][0]["failed"] is None
    assert way(builtin()).options.threads == 1
    assert way(builtin(), ModelOptions(threads=7)).options.threads == 7  # who says so is right
    said = smol("ask", "examples/sign.jpg", "What does it say?", "--stats", "--no-store")
    assert "stats: computed as smol tune speed found it quickest: 1 thread\n" in said.err


def test_what_was_measured_on_the_processor_is_not_used_on_a_card(state, monkeypatch):
    found_quickest(builtin(), Quickest(3, 256, times=1.5))
    assert way(builtin()).options.threads == way(builtin(), ModelOptions(device="cpu")).options.threads == 3
    card = Device("CUDA0", "a card", 80 << 30, 80 << 30, 0)
    monkeypatch.setattr(placements, "devices", lambda: (card,))
    assert way(builtin()).options.threads is None
    found_quickest(builtin(), Quickest(1, times=1.1), "CUDA a card")
    assert way(builtin()).options.threads == 1
    assert way(builtin(), ModelOptions(gpu_layers=0)).options.threads == 3


def test_a_plan_goes_by_what_was_computed_on_last_and_starts_no_driver(state, monkeypatch):
    monkeypatch.setattr(placements, "devices", lambda: pytest.fail("a driver was started"))
    pair = builtin()
    found_quickest(pair, Quickest(kv_type="q8_0", times=1.5))
    assert way(pair, opens=False).options.kv_type == "f16"  # it was never computed
    remember_device(state, f"{pair.name}/{pair_bytes(pair)}/auto", "cpu")
    assert way(pair, opens=False).options.kv_type == "q8_0"
    assert way(pair, ModelOptions(kv_type="bf16"), opens=False).options.kv_type == "bf16"


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 0},
        {"threads": True},
        {"threads": "2"},
        {"batch_rows": 1 << 20},
        {"pinned": 1},
        {"kv_type": "q4_0"},
        {"projector": "../f32"},
        {"projector": ["bf16"]},
        {"times": 0.5},
        {"times": 2},
        {"x": 1},
    ],
    ids=str,
)
def test_a_strange_entry_of_speed_is_no_measurement(state, change):
    remember_quickest(state, "a", Quickest(3, 256, True, "q8_0", "bf16", 1.25))
    assert quickest(state, "a") == Quickest(3, 256, True, "q8_0", "bf16", 1.25)
    file = state / "quickest.json"
    file.write_text(json.dumps({"a": json.loads(file.read_text())["a"] | change}))
    assert quickest(state, "a") is None


def test_doctor_says_what_was_tuned(state, f16):
    told = []
    for found in (None, Quickest(), Quickest(4, 256, True, "q8_0", "bf16", 1.25)):
        if found is not None:
            found_quickest(f16, found)
        told.append(tuning_check(f16, load_settings(), EngineOptions()))
    assert "smol tune speed" in told[0].detail and "nothing was quicker" in told[1].detail
    assert told[2].detail == (
        "on cpu, 4 threads, threads pinned to cores, batches of 256 tokens, keys and values in Q8_0, a copy of the "
        "projector in BF16: 1.25 times as quick as what comes by itself; the copy is not there"
    )
    retyped(f16.projector, "bf16", load_settings(), lambda sentence: None)
    assert tuning_check(f16, load_settings(), EngineOptions()).status == "ok" != told[2].status


def test_a_copy_of_a_projector_is_made_when_it_is_not_there_and_when_it_is_not_what_was_written(state, f16):
    told = []

    def copy():
        return retyped(f16.projector, "bf16", load_settings(), told.append)

    assert copy_of(f16.projector, "bf16", load_settings()) is None
    first = copy()
    whole = first.read_bytes()
    assert whole[-4096:] == golden_pair("bf16").projector.read_bytes()[-4096:]  # what the converter writes
    assert copy() == copy_of(f16.projector, "bf16", load_settings()) == first and len(told) == 1
    first.write_bytes(whole[:-2] + b"zz")
    assert copy() == first and first.read_bytes() == whole and len(told) == 2
    first.unlink()
    assert copy().read_bytes() == whole and len(told) == 3
    f16.projector.write_bytes(whole)  # another projector of the same name
    assert copy() == f16.projector


def test_another_projector_under_the_same_name_has_another_copy(state, f16):
    settings = load_settings()
    before = retyped(f16.projector, "q8_0", settings, lambda sentence: None)
    f16.projector.write_bytes(golden_pair("f32").projector.read_bytes())
    assert retyped(f16.projector, "q8_0", settings, lambda sentence: None) != before


def test_what_is_quantized_has_no_other_type(f16, monkeypatch):
    monkeypatch.setattr("smolcli.models.retyping.multiplies_bf16", lambda: False)
    assert other_types(f16.projector) == ("q8_0",) and other_types(f16.projector, on_card=True) == ("bf16", "q8_0")
    assert other_types(golden_pair("q8_0").projector) == ()


def test_a_copy_that_cannot_be_made_is_said_and_the_file_itself_is_used(state, f16, tmp_path):
    found_quickest(f16, Quickest(projector="bf16", times=1.3))
    assert way(f16).pair.projector.parent.name == "projectors"
    (tmp_path / "cache" / "projectors").rename(tmp_path / "elsewhere")
    (tmp_path / "cache" / "projectors").write_text("a file")
    told = []
    used = way(f16, tell=told.append)
    assert used.pair == f16 and not used.line
    [sentence] = told
    assert sentence.startswith(f"note: {f16.projector.name} is used as it is, not in BF16: ")


def test_only_the_copy_that_won_is_left(state, f16, monkeypatch):
    def compare(open_engine, one, other, rounds):
        with closing(open_engine(other)) as engine:
            assert engine.facts.name == f16.name
        return trial(1.2 if other.projector == "bf16" != one.projector else 1.0, other, same=False)

    monkeypatch.setattr(checks_quickest, "compare", compare)
    monkeypatch.setattr("smolcli.models.retyping.multiplies_bf16", lambda: True)
    told = []
    with SpeedTuning(f16, EngineOptions(context=256), Trying(3, True), told.append) as tuning:
        assert len(list(tuning.trials())) > 4
        assert tuning.quickest() == Quickest(projector="bf16", times=1.2)
    names = [file.name for file in (state.parent / "cache" / "projectors").glob("*.gguf")]
    assert len(names) == 1 and names[0].endswith("-tuned-bf16.gguf")
    assert tuning.best.setting.projector == "bf16"


def test_a_type_of_keys_and_values_is_refused_by_name_and_answers_stay_readable(smol):
    with pytest.raises(UsageError, match="cannot be 'q4_0'"):
        load_engine(builtin(), EngineOptions(kv_type="q4_0"))
    said = [
        smol("ask", "examples/sign.jpg", "What does it say?", "--kv-type", kind, "--no-store", "-q").out
        for kind in ("f16", "bf16", "q8_0")
    ]
    assert said[0] == said[1] == said[2] != ""


def test_an_answer_of_other_keys_and_values_is_kept_for_itself(smol, state, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    ask = ("ask", "examples/sign.jpg", "What does it say?", "--stats")
    smol(*ask)
    assert "1 of 1 answers were known" in smol(*ask).err
    assert "were known" not in smol(*ask, "--kv-type", "q8_0").err
    assert "1 of 1 answers were known" in smol(*ask, "--kv-type", "q8_0").err
