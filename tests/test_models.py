"""Which pair of files -m and --mmproj mean."""

import tomllib
from pathlib import Path

import pytest

import smolcli.models
from smolcli.errors import ModelError, UsageError
from smolcli.models import builtin, find_projector, resolve, stem


@pytest.fixture
def folder(tmp_path):
    def make(*names):
        for name in names:
            (tmp_path / name).write_bytes(b"GGUF")
        return tmp_path

    return make


def test_the_built_in_model_is_the_default_and_states_its_facts():
    pair = resolve(None, None)
    assert pair == builtin() and pair.language.is_file() and pair.projector.is_file()
    facts = tomllib.loads((Path(smolcli.models.__file__).parent / "builtin" / "facts.toml").read_text())
    assert facts["licence"] == "Apache-2.0" and facts["context_tokens"] > 0 and facts["max_frames"] == pair.max_frames
    assert "\n" not in pair.note and pair.note.startswith("good for")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("SmolVLM-256M-Instruct-Q8_0.gguf", "SmolVLM-256M-Instruct"),
        ("mmproj-SmolVLM-256M-Instruct-f16.gguf", "SmolVLM-256M-Instruct"),
        ("SmolVLM2-2.2B-Instruct-Q4_K_M.gguf", "SmolVLM2-2.2B-Instruct"),
        ("plain.gguf", "plain"),
    ],
)
def test_both_files_of_a_pair_have_their_name_in_common(name, wanted):
    assert stem(Path(name)) == wanted


def test_the_projector_of_the_same_name_is_taken(folder):
    here = folder("a-Q8_0.gguf", "mmproj-a-f16.gguf", "mmproj-b-f16.gguf")
    assert find_projector(here / "a-Q8_0.gguf").name == "mmproj-a-f16.gguf"


def test_the_only_projector_of_the_folder_is_taken(folder):
    here = folder("a.gguf", "mmproj-model-f16.gguf")
    assert resolve(str(here / "a.gguf"), None).projector.name == "mmproj-model-f16.gguf"


def test_none_or_several_are_an_error_that_names_the_option(folder):
    with pytest.raises(ModelError, match=r"no projector.*--mmproj"):
        find_projector(folder("a.gguf") / "a.gguf")
    with pytest.raises(ModelError, match=r"2 projectors.*--mmproj"):
        find_projector(folder("mmproj-b.gguf", "mmproj-c.gguf") / "a.gguf")


def test_a_projector_given_as_model_is_named_so(folder):
    with pytest.raises(ModelError, match="projector"):
        resolve(str(folder("mmproj-a.gguf") / "mmproj-a.gguf"), None)


def test_what_cannot_be_is_refused(folder):
    with pytest.raises(UsageError, match="-m"):
        resolve(None, "x.gguf")
    for name in ("nowhere.gguf", "x" * 5000, "a\0b"):
        with pytest.raises(ModelError, match="There is no model"):
            resolve(str(folder() / name), None)
