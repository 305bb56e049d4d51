"""Every option once: what it says of itself is what the command line, the settings and their errors say and check."""

import math
from dataclasses import fields
from typing import get_args

import pytest

from smolcli.cli._commands import COMMANDS, load
from smolcli.cli.convert import ConversionOptions
from smolcli.errors import SmolError, UsageError
from smolcli.options import GROUPS, Option, default_text, options_of
from smolcli.prompt import load_prompt, styles
from smolcli.settings import TABLE, find_setting, load_settings
from smolcli.tiles import parse_detail
from smolcli.usage import completion

ALL = {name: option for group in GROUPS for name, option in options_of(group).items()}
READERS = ("ask", "caption", "docvqa", "ocr", "find", "test", "video", "plan")
WITH_CHECKS = [setting for setting in TABLE if setting.option is not None and setting.option.allowed]
BAD = {"threads": "600", "device": "bogus", "gpu_layers": "-1", "context": "0", "parallel": "257", "detail": "medium"}
BAD |= {"towers": "17", "batch_rows": "8", "kv_type": "q4_0"}
BAD |= {"prompt_style": "baroque", "layout": "columns"}


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    monkeypatch.setenv("SMOL_CONFIG", str(path))
    return path


def parameters(command):
    return {each.name: each for each in load(command).params}


def test_no_option_has_two_homes():
    assert len(ALL) == sum(len(options_of(group)) for group in GROUPS)


@pytest.mark.parametrize("group", [*GROUPS, ConversionOptions], ids=lambda group: group.__name__)
def test_an_option_says_a_sentence_and_names_its_value_unless_it_is_a_flag(group):
    for field in fields(group):
        option = options_of(group)[field.name]
        assert option.help[0].isupper() and option.help.endswith("."), field.name
        assert bool(option.metavar) != (field.type in (bool, "bool") or option.count), field.name
        assert not option.completion or callable(getattr(completion, option.completion))


@pytest.mark.parametrize("command", READERS)
def test_a_command_has_the_options_of_its_groups_as_they_are_declared(command):
    there = parameters(command)
    taken = [group for group in GROUPS if set(options_of(group)) <= set(there)]
    assert len(taken) >= 4
    for group in taken:
        for field in fields(group):
            option, typed = options_of(group)[field.name], there[field.name]
            assert typed.opts == [*filter(None, [option.short]), f"--{field.name.replace('_', '-')}"]
            assert (typed.help, typed.default, typed.rich_help_panel) == (option.sentence, field.default, group.panel)


def test_the_rows_of_settings_that_are_options_are_read_off_the_options():
    rows = {setting.name: setting for setting in TABLE if setting.option is not None}
    assert set(rows) == {name for name, option in ALL.items() if option.setting}
    for group in GROUPS:
        for field in fields(group):
            if (row := rows.get(field.name)) is not None:
                assert row.option is options_of(group)[field.name]
                assert row.kind == ("number" if int in get_args(field.type) else "text")
                assert row.help.startswith(row.option.sentence.rstrip("]"))


def test_a_setting_reaches_no_command_by_a_name_that_means_something_else_there():
    """What is set becomes the default of every parameter of that name."""
    ours = {setting.name for setting in TABLE if setting.option is not None}
    for command in set(COMMANDS) - {*READERS, "bench", "doctor"}:
        assert not ours & set(parameters(command)), command


def test_pull_without_a_name_does_not_pull_the_model_that_one_reads_with(smol, monkeypatch):
    monkeypatch.setenv("SMOL_MODEL", "500m")
    assert "NAME" in smol("pull").sentence


@pytest.mark.parametrize("command", [name for name in READERS if name not in ("find", "test")])
def test_the_defaults_that_help_shows_are_those_of_the_commands_prompts(smol, command):
    """Of docvqa there are two prompts, and they agree; a plan is that of ask."""
    prompts = {"plan": ["ask"], "ocr": ["transcribe"], "docvqa": ["docvqa", "transcribe"]}.get(command, [command])
    shown = {name: parameters(command)[name].show_default for name in ("detail", "max_tokens")}
    for prompt in (load_prompt(name, style) for name in prompts for style in styles()):
        assert shown["detail"] == prompt.detail
        assert shown["max_tokens"] == (str(prompt.max_tokens) if prompt.max_tokens else "what fits, at most 1024")


def test_the_most_new_tokens_of_all_are_the_engines():
    from smolcli.engine.arrival import MOST_NEW_TOKENS

    assert ALL["max_tokens"].default_text.endswith(f" {MOST_NEW_TOKENS}")


def test_what_is_set_is_shown_as_the_default(smol, monkeypatch):
    assert "[1 to 512; default: physical cores]" in " ".join(smol("ask", "--help").out.split())
    monkeypatch.setenv("SMOL_THREADS", "3")
    monkeypatch.setenv("SMOL_DETAIL", "native")
    out = " ".join(smol("ask", "--help").out.split())
    assert "[1 to 512; default: 3]" in out and "or a number; default: native]" in out


def test_styles_and_details_are_those_that_are_there():
    assert list(ALL["prompt_style"].choices) == styles()
    for text in (
        "auto",
        "LOW",
        " high ",
        "native",
        "1",
        "17",
        "0",
        "-1",
        "1.5",
        "١",
        "",
        "medium",
        "9" * 10,
        "9" * 5000,
    ):
        assert accepts(ALL["detail"], text) == accepts_detail(text), text


def accepts(option, value):
    try:
        option.checked(value, "--it")
    except UsageError:
        return False
    return True


def accepts_detail(text):
    try:
        parse_detail(text)
    except SmolError:
        return False
    return True


def test_devices_are_those_that_the_engine_knows():
    from smolcli.engine.placement import BACKENDS

    assert set(ALL["device"].choices) == {"auto", "cpu", *BACKENDS}


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        (
            Option("A number.", minimum=1, maximum=5),
            [None, 1, 5, "5", " 1 "],
            [0, 6, -1, 10**400, "0", "many", "1.5", "", "٣", "9" * 5000],
        ),
        (Option("A number.", minimum=0), [0, 10**400], [-1]),
        (
            Option("A number.", minimum=0.0),
            [0, 0.5, 1e300, "0.5", "1e3"],
            [-0.1, math.nan, math.inf, "nan", "-inf", "warm", ""],
        ),
        (Option("Degrees.", choices=(0, 90)), [0, 90, "90"], [45, -90, "45", "x"]),
        (Option("A word.", choices=("one", "two")), ["one", " Two "], ["three", "", "1"]),
        (Option("A word or a number.", choices=("one",), minimum=2), ["one", "2"], ["1", "two", "2.0", "-2"]),
        (Option("Anything."), ["", "x", 3], []),
    ],
)
def test_a_value_is_allowed_or_an_error_that_says_what_is(option, good, bad):
    assert all(accepts(option, value) for value in good)
    for value in bad:
        with pytest.raises(UsageError, match=r"^--it is .*\. It must be (a (whole )?number|one of )"):
            option.checked(value, "--it")


def test_a_text_becomes_the_number_that_it_says():
    assert [ALL[name].checked(text, "--it") for name, text in (("threads", "007"), ("rotate", "90"), ("fps", "2"))] == [
        7,
        90,
        2.0,
    ]


@pytest.mark.parametrize(("value", "shown"), [(None, ""), (False, ""), ("", ""), (True, "true"), (0, "0"), (1.0, "1")])
def test_a_default_is_shown_as_one_would_type_it(value, shown):
    assert default_text(value) == shown


def test_every_setting_with_a_check_is_tried_below():
    assert {setting.name for setting in WITH_CHECKS} == set(BAD)


@pytest.mark.parametrize("name", BAD)
def test_set_refuses_what_the_option_would_refuse(smol, config, name):
    allowed = f"It must be {find_setting(name).option.allowed}."
    done = smol("config", "set", name, "--", BAD[name])
    assert done.code == 2 and not config.exists()
    assert done.sentence.startswith(f"{name} cannot be ") and done.sentence.endswith(allowed)
    flag = f"--{name.replace('_', '-')}"
    typed = smol("ocr" if name == "layout" else "plan", "nothing.png", f"{flag}={BAD[name]}")
    assert typed.code == 2 and typed.sentence.startswith(f"{flag} is ") and typed.sentence.endswith(allowed)


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_value_elsewhere_is_an_error_that_names_the_setting_and_where_it_is(smol, config, monkeypatch, name):
    value = BAD[name] if find_setting(name).kind == "number" else f'"{BAD[name]}"'
    config.write_text(f"{name} = {value}\n")
    done = smol("models")
    assert done.code == 2 and done.sentence.startswith(f"{name} is ") and str(config) in done.sentence
    assert smol("config", "unset", name).code == 0 and smol("models").code == 0
    monkeypatch.setenv(f"SMOL_{name.upper()}", BAD[name])
    sentence = smol("models").sentence
    assert sentence.startswith(f"{name} is ") and f" in SMOL_{name.upper()}. It must be " in sentence


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("device", "CPU", "cpu"), ("device", "CUDA:1", "cuda:1"), ("detail", "7", "7"), ("threads", "2", 2)],
)
def test_a_right_value_is_set_and_read_as_the_program_knows_it(smol, name, text, value):
    assert smol("config", "set", name, text).code == 0
    assert load_settings().option_defaults() == {name: value}
