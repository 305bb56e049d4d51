"""The catalog: complete, consistent, and no more than what is known."""

import re

import pytest

from smolcli.models.catalog import catalog, find
from smolcli.models.installed import Store
from smolcli.models.naming import file_type, is_projector, stem
from smolcli.models.pull import parse_wish

NAMES = ["256m", "500m", "2.2b", "256m-video", "500m-video", "2.2b-video", "smoldocling", "granite-docling"]


def test_every_published_member_of_the_family_has_a_short_name():
    assert [entry.name for entry in catalog()] == NAMES


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_an_entry_says_what_a_user_must_know(entry):
    assert entry.licence and entry.ram_mb > 500 and entry.context_tokens >= 8192
    assert entry.tokens_per_tile in (64, 81)
    assert "not for" in entry.note or "slow" in entry.note  # what it is bad at, too
    assert bool(entry.repository) == bool(entry.language) == bool(entry.mmproj)
    assert re.fullmatch(r"[\w-]+/[\w.-]+", entry.checkpoint)


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_both_files_of_an_entry_are_named_after_each_other(entry):
    for file in (*entry.language, *entry.mmproj):
        assert stem_of(file.file) == entry.title
        assert file_type(file.file) == file.quant
        assert is_projector(file.file) == (file in entry.mmproj)


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.name)
def test_the_ram_is_at_least_weights_and_the_context(entry):
    weights = sum(files[0].bytes or 0 for files in (entry.language, entry.mmproj) if files)
    assert entry.ram_mb * 1e6 > weights + 100e6


def test_hashes_are_hexadecimal_or_not_known():
    files = [file for entry in catalog() for file in (*entry.language, *entry.mmproj)]
    assert all(re.fullmatch(r"|[0-9a-f]{8,64}", file.sha256) for file in files)
    assert sum(bool(file.sha256) for file in files) == 6


def stem_of(name):
    from pathlib import Path

    return stem(Path(name))


def test_a_wish_is_a_name_a_type_a_repository_or_a_file(tmp_path):
    assert parse_wish("500M-video").entry is find("500m-video")
    assert parse_wish("2.2b-video:Q4_K_M").choice == "q4_k_m"
    other = parse_wish("org/Repo-GGUF:model-q8_0.gguf")
    assert (other.entry, other.repository, other.choice, other.name(Store(tmp_path))) == (
        None,
        "org/Repo-GGUF",
        "model-q8_0.gguf",
        "repo",
    )


def test_a_strangers_repository_cannot_take_a_name_of_the_catalog(tmp_path):
    assert parse_wish("someone/500M-GGUF").name(Store(tmp_path)) == "someone-500m"
    assert parse_wish("someone/builtin").name(Store(tmp_path)) == "someone-builtin"


@pytest.mark.parametrize("text", ["500m:q3", "7b", "a/b/c", "", "https://huggingface.co/a/b"])
def test_a_wish_that_cannot_be_meant_lists_what_can(text):
    from smolcli.errors import UsageError

    with pytest.raises(UsageError) as failure:
        parse_wish(text)
    assert failure.value.hint.startswith(("Known: 256m", "Its types: q8_0"))
