"""Which installed model would read whole pages better than a general one."""

from dataclasses import replace

import pytest

from smolcli.models import catalog_entries, installed_doctags, resolve
from smolcli.models.catalog import find
from smolcli.models.installed import LocalPair, Store, record_file
from smolcli.settings import load_settings


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Record a pair in a data folder of the test's own."""
    monkeypatch.setenv("SMOL_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "lm.gguf").write_bytes(b"x")
    file = record_file(tmp_path / "lm.gguf")

    def save(name, quant="q8_0", **values):
        pair = LocalPair(name, quant, file, file, 1, **{"title": name, **values})
        Store(load_settings().data_dir).save(pair)
        return pair

    return save


def best():
    return installed_doctags(load_settings())


def test_the_catalog_says_which_models_write_doctags():
    assert [entry.name for entry in catalog_entries() if entry.doctags] == ["smoldocling", "granite-docling"]


def test_none_is_named_where_there_is_none(keep):
    assert best() is None
    keep("500m-video", repository=find("500m-video").repository)
    assert best() is None


def test_the_newest_that_was_pulled_is_named_whatever_it_is_called(keep):
    keep("smoldocling", repository=find("smoldocling").checkpoint)
    assert best() == "smoldocling"
    keep("pages", repository=find("granite-docling").repository.upper())
    assert best() == "pages"
    assert resolve(best(), None, load_settings()).name == "pages"


def test_one_that_was_added_is_known_by_its_name(keep):
    keep("mine", title="granite-docling-258M")
    assert best() == "mine"


def test_of_several_types_one_is_named_so_that_it_is_found(keep):
    for quant in ("f16", "q8_0"):
        keep("granite-docling", quant, repository=find("granite-docling").repository)
    assert best() == "granite-docling:f16"
    assert resolve(best(), None, load_settings())


def test_one_whose_files_are_gone_is_not_named(keep):
    pair = keep("granite-docling", repository=find("granite-docling").repository)
    Store(load_settings().data_dir).save(replace(pair, language=replace(pair.language, bytes=2)))
    assert best() is None
