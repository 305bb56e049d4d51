"""Settings: flag, then environment, then config.toml, then default; and where each value came from."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smolcli.errors import UsageError
from smolcli.settings import TABLE, change, load_settings, parse_size

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    path = tmp_path / "etc" / "config.toml"
    monkeypatch.setenv("SMOL_CONFIG", str(path))
    return path


def write(config, text):
    config.parent.mkdir(exist_ok=True)
    config.write_text(text)


def test_without_a_file_everything_is_as_it_comes():
    settings = load_settings()
    assert settings.option_defaults() == {}
    assert settings.cache_size_bytes == 20 * 10**9
    assert {origin for name, origin in settings.origins.items() if name not in ("state_dir", "store")} == {"default"}


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(config, monkeypatch):
    write(config, 'threads = 3\ndetail = "low"\n')
    monkeypatch.setenv("SMOL_THREADS", "2")
    settings = load_settings()
    assert settings.option_defaults() == {"threads": 2, "detail": "low"}
    assert settings.origins["threads"] == "SMOL_THREADS"
    assert settings.origins["detail"] == str(config)


def test_a_flag_goes_before_everything(smol, drawn, config, monkeypatch):
    write(config, 'detail = "low"\n')
    picture = [drawn / "exit.png", "What?", "--json"]
    assert smol("plan", *picture).record["media"][0]["encodes"] == 1
    monkeypatch.setenv("SMOL_DETAIL", "high")
    high = smol("plan", *picture).record["media"][0]["encodes"]
    assert high > 1
    assert smol("plan", *picture, "--detail", "low").record["media"][0]["encodes"] == 1


def test_show_names_the_origin_of_every_value(smol, config, monkeypatch):
    write(config, "parallel = 4\n")
    monkeypatch.setenv("SMOL_CACHE_SIZE", "3 GB")
    shown = smol("config", "show", "--json").record
    assert set(shown) == {setting.name for setting in TABLE}
    assert shown["parallel"] == {"value": "4", "origin": str(config)}
    assert shown["cache_size"] == {"value": 3 * 10**9, "origin": "SMOL_CACHE_SIZE"}
    lines = smol("config", "show").out.splitlines()
    assert all(f"[{setting.variable}]" in line for setting, line in zip(TABLE, lines[1:], strict=True))
    assert smol("config", "path").out == f"{config}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thread = 3", "thread"),
        ("[model]\nname = 3", "model"),
        ('threads = "3.5"', "number"),
        ("threads = true", "whole number"),
        ("threads = -1", "whole number"),
        ("ahead_threads = -1", "whole number"),
        ("ahead_threads = 1.5", "whole number"),
        ("model = 3", "text in quotes"),
        ('debug = "yes"', "text"),
        ('cache_size = "many"', "size"),
        ("threads = ", "cannot be read"),
        ("threads = " + "9" * 5000, "cannot be read"),
        ('cache_dir = ""', "folder"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_meant_is_a_sentence_and_config_can_mend_it(smol, drawn, config, text, said):
    write(config, text)
    with pytest.raises(UsageError):
        load_settings()
    result = smol("plan", drawn / "exit.png", "What?")
    assert result.code == 2
    assert str(config) in result.sentence
    assert smol("config", "path").code == 0
    assert smol("doctor", "--json").code == 1


def test_an_unknown_key_lists_the_known(smol, config):
    write(config, "colour = 3\n")
    sentence = smol("models").sentence
    assert all(setting.name in sentence for setting in TABLE)


def test_a_wrong_variable_is_a_sentence(smol, monkeypatch):
    monkeypatch.setenv("SMOL_THREADS", "many")
    assert smol("models").sentence == "threads is 'many' in SMOL_THREADS. It must be a whole number, 1 to 512."


def test_set_and_unset_change_one_line_and_keep_the_rest(smol, config):
    write(config, '# mine\nthreads = 3 # few\ndetail = "low"\n')
    assert smol("config", "set", "threads", "4").code == 0
    change("model", 'a "b" \\ c')
    assert config.read_text() == '# mine\ndetail = "low"\nthreads = 4\nmodel = "a \\"b\\" \\\\ c"\n'
    assert load_settings().values["model"] == 'a "b" \\ c'
    assert smol("config", "unset", "threads").code == 0
    assert "threads" not in config.read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", "four"),
        ("threads", "9" * 5000),
        ("colour", "red"),
        ("cache-size", "big"),
        ("cache-size", "9" * 400 + " GB"),
        ("cache-dir", ""),
        ("cache-dir", "~nobody-here/cache"),
        ("model", ""),
        ("store", "of"),
        ("device", "bogus"),
        ("ahead-threads", "many"),
        ("ahead-threads", "1.5"),
        ("ahead-threads", "-1"),
        ("ahead-threads", "9999"),
        ("debug", ""),
    ],
)
def test_set_refuses_what_could_not_be_read_back(smol, config, name, value):
    assert smol("config", "set", name, value).code == 2
    assert not config.exists()


def test_a_model_that_is_not_there_is_refused_where_it_is_set_and_named_with_its_file_later(smol, drawn, config):
    assert smol("config", "set", "model", "bogus").code == 4 and not config.exists()
    write(config, 'model = "bogus"\n')
    for words in (("ask", drawn / "exit.png", "What?"), ("plan", drawn / "exit.png", "What?"), ("bench",)):
        sentence = smol(*words).sentence
        assert "no model bogus" in sentence and f"the setting model in {config}" in sentence
    assert str(config) not in smol("plan", drawn / "exit.png", "What?", "-m", "other").sentence


def test_a_link_to_a_file_that_is_kept_elsewhere_stays_a_link(smol, config, tmp_path):
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("# mine\n\nthreads = 3\n")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.symlink_to(kept)
    assert smol("config", "set", "detail", "low").code == 0
    assert config.is_symlink()
    assert kept.read_text() == '# mine\n\nthreads = 3\ndetail = "low"\n'


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="home folders are known in another way there")
def test_a_user_without_a_home_is_told_what_to_set():
    import subprocess
    import sys

    code = (
        "import sys, pwd; pwd.getpwuid = lambda uid: {}[uid]\nfrom smolcli.cli import main; sys.exit(main(['models']))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HOME", "XDG", "SMOL"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "smol: error: This user has no home folder. Set HOME, or SMOL_CONFIG to a path.\n"


def test_a_file_that_cannot_be_written_is_a_sentence(smol, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SMOL_CONFIG", str(tmp_path / "file" / "config.toml"))
    assert "config.toml" in smol("config", "set", "threads", "4").sentence


@hypothesis_settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_text_that_is_set_is_read_back(text):
    change("model", text)
    try:
        assert load_settings().values["model"] == text
    finally:
        change("model", None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10", 10),
        ("10 GB", 10**10),
        ("1.5kb", 1500),
        ("2 GiB", 2 << 30),
        ("GB", None),
        ("-1", None),
        ("1 pony", None),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "value"), [("off", False), ("No", False), ("0", False), ("ON", True), ("yes", True), ("true", True)]
)
def test_a_switch_is_a_word_for_yes_or_no(smol, config, monkeypatch, text, value):
    assert smol("config", "set", "store", text).code == 0
    assert config.read_text() == f"store = {str(value).lower()}\n"
    monkeypatch.setenv("SMOL_STORE", "of")
    assert smol("models").sentence.startswith("store is 'of' in SMOL_STORE. It must be true or false")
    monkeypatch.setenv("SMOL_STORE", text)
    assert load_settings().values["store"] is value
