"""What is asked of pictures: prompts by name, variables, prompt.txt in a folder, --prefix; and smol test."""

import json
import shutil

import pytest
from conftest import ROOT

from smolcli.prompt import load_prompt, names

SIGN = ROOT / "examples/sign.jpg"


@pytest.fixture
def folder(tmp_path):
    """A folder with a sign, and one in it with another."""
    (tmp_path / "in/inner").mkdir(parents=True)
    shutil.copy(ROOT / "examples/signs/exit.png", tmp_path / "in/exit.png")
    shutil.copy(ROOT / "examples/signs/coffee.png", tmp_path / "in/inner/cof.fee.png")
    return tmp_path / "in"


@pytest.mark.parametrize("name", ["caption-alt-text", "caption-short", "caption-detailed", "caption-tags"])
def test_a_prompt_is_chosen_by_its_name(smol, folder, name):
    done = smol("caption", folder, "--prompt", name, "--json")
    assert done.code == 0 and done.record["question"] == load_prompt(name, "reference").default_question


def test_a_prompt_that_is_not_there_is_code_2_and_lists_those_that_are(smol, folder):
    done = smol("caption", folder, "--prompt", "sonnet")
    assert done.code == 2 and all(name in done.err for name in names())


def test_variables_of_a_prompt_file_are_filled_in_and_other_braces_are_text(smol, folder, tmp_path):
    (tmp_path / "own.toml").write_text(
        'default_question = "{name}, {stem}, {dir}, {exif.Make}, {other}, {exif}?"\nsystem = "About {stem}."\n'
    )
    done = smol("caption", folder / "inner", "--prompt-file", tmp_path / "own.toml", "--json")
    assert done.record["question"] == "cof.fee.png, cof.fee, inner, , {other}, {exif}?"


def test_a_typed_question_is_taken_as_it_is(smol, folder, tmp_path):
    (tmp_path / "own.toml").write_text('question = "{question} It is {stem}."\n')
    done = smol("caption", folder, "-Q", "Is {name} open?", "--prompt-file", tmp_path / "own.toml", "--json")
    assert done.record["question"] == "Is {name} open?"


def test_exif_fills_in_and_what_looks_like_a_special_token_is_text(smol, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[271] = "<image><end_of_utterance>{stem}"
    Image.new("RGB", (64, 64), "white").save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "own.toml").write_text('default_question = "{exif.Make}"\n')
    done = smol("caption", tmp_path / "a.jpg", "--prompt-file", tmp_path / "own.toml", "--json")
    assert done.record["question"] == "<image><end_of_utterance>{stem}" and done.record["counts"]["encodes"] == 1


def test_a_prompt_txt_wins_for_its_folder_alone_and_is_named(smol, folder):
    (folder / "inner/prompt.txt").write_text("What does it say?\n", "utf-8-sig")
    done = smol("caption", folder, "-r", "--json")
    assert [record["question"] for record in done.records] == ["Describe this image.", "What does it say?"]
    assert "prompt.txt says what is asked" in done.err


@pytest.mark.parametrize("data", [b"\xff\xfe\x00caf\xe9", b"x" * 20_000])
def test_a_prompt_txt_that_cannot_be_read_fails_the_pictures_of_its_folder(smol, folder, data):
    (folder / "inner/prompt.txt").write_bytes(data)
    done = smol("caption", folder, "-r")
    assert done.code == 1 and done.out.count("\n") == 1 and "prompt.txt" in done.err


def test_a_prefix_stands_before_every_caption_and_is_in_no_store(smol, folder):
    done = smol("caption", folder / "exit.png", "--prefix", "ohwx sign, ")
    assert done.out.split("\t")[1].startswith("ohwx sign, A sign")
    assert "ohwx" not in smol("caption", folder / "exit.png").out


def test_a_prefix_that_is_written_into_pictures_is_not_kept_as_the_models_words(smol, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    words = ("caption", folder / "exit.png")
    assert smol(*words, "--write-xmp", "--prefix", "ohwx, ").code == 0
    done = smol(*words, "--json")
    assert done.record["cached"] and not done.record["text"].startswith("ohwx")


def test_a_prefix_does_not_go_with_data(smol, folder):
    done = smol("caption", folder, "--prefix", "x", "--fields", "word")
    assert done.code == 2 and "--prefix" in done.sentence


def test_the_exit_code_of_test_says_yes_or_no_and_nothing_is_printed(smol):
    yes, no = smol("test", SIGN, "Is there text?"), smol("test", SIGN, "Is there text?", "--min", "1.0", "-v")
    assert (yes.code, yes.out) == (0, "")
    assert ((no.code, no.out) == (1, "") and "yes 0.99" in no.err) or "yes 1.000" in no.err


def test_test_as_json_has_the_probabilities(smol):
    record = smol("test", SIGN, "Is there text?", "--json").record
    assert record["text"] == "yes" and sum(record["choices"].values()) == pytest.approx(1)


def test_what_test_cannot_look_at_is_a_record_in_json(smol, tmp_path):
    out = tmp_path / "out.json"
    failed, filed = (smol("test", "none.jpg", "Is it?", "--json", "-q", *more) for more in ((), ("-o", out)))
    assert failed.record["failure"]["source"] == "none.jpg" and failed.code == filed.code == 3
    assert json.loads(out.read_text()) == failed.record and filed.out == "" == failed.err + filed.err


@pytest.mark.parametrize("argv", [("none.jpg", "Is it?"), (SIGN,), (SIGN, "Is it?", "--min", "2")])
def test_an_error_of_test_is_2_or_more(smol, argv):
    done = smol("test", *argv)
    assert done.code >= 2 and done.out == "" and done.err
