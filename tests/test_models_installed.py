"""Local pairs: named, listed, chosen, verified, removed; and every way in which -m finds a model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from models import folder as models_folder
from models import golden_pair, nano_pair

from gguf_convert.convert import ConvertOptions, convert
from smolcli.datatypes import ModelPair
from smolcli.models import adopt, known_names
from smolcli.models.adopt import Adoption, own_projector, survey
from smolcli.models.installed import LocalFile, LocalPair, Store, record_file
from smolcli.options import ReadingOptions, options_of
from smolcli.settings import load_settings


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    for name in ("data", "cache", "state"):
        monkeypatch.setenv(f"SMOL_{name.upper()}_DIR", str(tmp_path / name))
    monkeypatch.setenv("SMOL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pair() -> ModelPair:
    return nano_pair()


@pytest.fixture
def added(smol, pair) -> Store:
    """A store with the pair "mine"."""
    assert smol("models", "add", "mine", pair.language, pair.projector, "--keep-as-published").code == 0
    return Store(load_settings().data_dir)


def plan(smol, drawn, *options):
    return smol("plan", drawn / "exit.png", "What?", "--json", *options)


def test_a_pair_that_was_added_is_listed_and_read_with(smol, added, pair, drawn):
    builtin, mine = smol("models", "--json").records
    assert (builtin["name"], builtin["default"]) == ("builtin", True)
    assert (mine["name"], mine["default"], mine["whole"], mine["downloaded"]) == ("mine", False, True, False)
    assert mine["language"]["path"] == str(pair.language)
    size = pair.language.stat().st_size + pair.projector.stat().st_size
    assert mine["disk_bytes"] == size and mine["ram_bytes"] > size
    table = smol("models").out.splitlines()
    assert table[0].split() == ["NAME", "TYPE", "DISK", "RAM", "GPU", "DEFAULT", "WHERE", "GOOD", "AND", "BAD", "AT"]
    assert len(table) == 3
    assert builtin["note"] and table[1].endswith(builtin["note"]) and "not for photographs" in builtin["note"]
    assert plan(smol, drawn, "-m", "mine").record["model"] == plan(smol, drawn, "-m", pair.language).record["model"]


def test_the_default_is_read_with_and_can_be_taken_back(smol, added, drawn):
    assert smol("models", "default", "mine").code == 0
    assert [record["default"] for record in smol("models", "--json").records] == [False, True]
    mine = plan(smol, drawn, "-m", "mine").record
    assert plan(smol, drawn).record == mine
    assert plan(smol, drawn, "-m", "builtin").record["model"] == "smol-nano"
    assert smol("models", "default", "builtin").code == 0
    assert plan(smol, drawn).record["model"] == "smol-nano"


def test_a_default_that_is_not_there_is_refused_with_the_command_that_gets_it(smol):
    result = smol("models", "default", "500m-video")
    assert result.code == 4
    assert result.sentence.endswith("Get it with: smol pull 500m-video")
    assert not load_settings().config_file.exists()


def test_removing_forgets_the_name_and_keeps_files_that_are_not_ours(smol, added, pair):
    assert smol("models", "default", "mine").code == 0
    assert smol("rm", "mine").code == 0
    assert list(added.all()) == []
    assert pair.language.exists() and pair.projector.exists()
    assert load_settings().values["model"] is None
    assert "no model mine" in smol("rm", "mine").sentence


def test_verify_finds_a_changed_and_a_missing_file(smol, tmp_path, pair):
    language, projector = (tmp_path / path.name for path in (pair.language, pair.projector))
    language.write_bytes(pair.language.read_bytes())
    projector.write_bytes(pair.projector.read_bytes())
    assert smol("models", "add", "mine", language, projector, "--keep-as-published").code == 0
    assert smol("models", "verify").out.count("\tok\n") == 2
    data = bytearray(language.read_bytes())
    data[-1] ^= 1
    language.write_bytes(data)
    assert [record["state"] for record in smol("models", "verify", "--json").records] == ["CHANGED", "ok"]
    changed = smol("models", "verify", "mine")
    assert changed.code == 1
    assert "CHANGED. Add it again with: smol models add mine" in changed.out
    projector.unlink()
    assert "GONE" in smol("models", "verify").out
    assert "files are gone" in smol("models").out


def test_a_pair_whose_file_is_gone_says_how_to_get_it(smol, tmp_path, pair, drawn):
    language = tmp_path / "lm.gguf"
    language.write_bytes(pair.language.read_bytes())
    assert smol("models", "add", "mine", language, pair.projector, "--keep-as-published").code == 0
    language.write_bytes(b"short")
    result = plan(smol, drawn, "-m", "mine")
    assert result.code == 4
    assert "gone or was changed. Add it again with: smol models add mine" in result.sentence


@pytest.mark.parametrize("name", ["500m", "builtin", "smol-nano", "../up", "a b", ""])
def test_a_name_that_is_taken_or_no_name_is_refused(smol, pair, name):
    assert smol("models", "add", name, pair.language, pair.projector, "--keep-as-published").code == 2
    assert list(Store(load_settings().data_dir).all()) == []


@pytest.mark.parametrize("swapped", [True, False])
def test_two_files_that_are_no_pair_are_not_added(smol, pair, swapped):
    other = golden_pair("f16")
    files = (pair.projector, pair.language) if swapped else (pair.language, other.projector)
    result = smol("models", "add", "mine", *files)
    assert result.code == 4
    assert list(Store(load_settings().data_dir).all()) == []


def test_a_damaged_record_is_passed_over(smol, added):
    (added.folder / "other@q8_0.json").write_text('{"name": ')
    (added.folder / "third@q8_0.json").write_text("[]")
    record = json.loads((added.folder / "mine@f32.json").read_text())
    for name, wrong in (("name", 5), ("language", None), ("ram_bytes", "much"), ("note", [])):
        (added.folder / "5@f32.json").write_text(json.dumps({**record, "name": "5", name: wrong}))
        assert [pair.name for pair in added.all()] == ["mine"], name
    (added.folder / "alias@f32.json").write_text(json.dumps(record))
    assert [pair.name for pair in added.all()] == ["mine"]
    assert smol("models").code == 0


def test_of_several_types_the_name_alone_takes_the_preferred_one(tmp_path, pair):
    store = Store(tmp_path / "data")
    file = record_file(pair.language)
    for quant in ("f16", "q8_0"):
        store.save(LocalPair("500m", quant, file, file, 0, "SmolVLM-500M-Instruct"))
    assert store.find("500m", "q8_0").quant == "q8_0"
    assert store.find("500M:f16").quant == "f16"
    assert store.find("500m:q4_0") is None
    from smolcli.errors import UsageError

    with pytest.raises(UsageError, match="Name one of 500m:f16, 500m:q8_0"):
        store.find("500m")


def test_files_that_another_pair_shares_are_not_handed_out_for_deletion(tmp_path, pair):
    store, language, projector = Store(tmp_path / "data"), record_file(pair.language), record_file(pair.projector)
    pairs = [LocalPair("one", quant, language, projector, 0, "one") for quant in ("f16", "q8_0")]
    for other in pairs:
        store.save(other)
    assert store.remove(pairs[0]) == []
    assert store.remove(pairs[1]) == [language, projector]


def test_a_file_that_the_user_added_by_another_path_is_not_handed_out_for_deletion(tmp_path, pair):
    store, link = Store(tmp_path / "data"), tmp_path / "link.gguf"
    link.symlink_to(pair.language)
    pulled = LocalPair(
        "one", "f32", record_file(link), record_file(pair.projector), 0, "one", repository="org/one", downloaded=True
    )
    store.save(pulled)
    store.save(LocalPair("own", "f32", record_file(pair.language), record_file(pair.projector), 0, "own"))
    assert store.remove(pulled) == []


def test_a_name_of_a_pulled_pair_cannot_be_taken_by_files_of_ones_own(smol, tmp_path, pair):
    file = record_file(pair.language)
    store = Store(tmp_path / "data")
    store.save(LocalPair("mine", "f32", file, file, 0, "mine", repository="org/mine", downloaded=True))
    refused = smol("models", "add", "mine", pair.language, pair.projector)
    assert refused.code == 2
    assert "mine:f32 is the name of the pair of org/mine" in refused.sentence
    assert "smol rm mine:f32" in refused.sentence


def test_removing_one_type_of_the_default_leaves_the_other_as_the_default(smol, tmp_path, pair):
    language, projector = record_file(pair.language), record_file(pair.projector)
    for quant in ("f16", "q8_0"):
        Store(tmp_path / "data").save(LocalPair("500m", quant, language, projector, 0, "500m"))
    assert smol("models", "default", "500m").code == 0
    chosen = [record["quant"] for record in smol("models", "--json").records if record["default"]]
    assert chosen == ["q8_0"]
    assert smol("rm", "500m:f16").code == 0
    assert load_settings().values["model"] == "500m"
    assert smol("rm", "500m").code == 0
    assert load_settings().values["model"] is None


def test_a_folder_that_is_called_like_a_model_does_not_become_the_default_in_its_place(smol, added, tmp_path):
    (tmp_path / "mine").mkdir()
    assert smol("models", "default", "mine").code == 0
    assert load_settings().values["model"] == "mine"


def test_a_device_is_no_model_file(smol, pair):
    result = smol("models", "add", "mine", "/dev/zero", pair.projector)
    assert result.code == 4
    assert "/dev/zero is not a file" in result.sentence


def test_a_folder_is_converted_once_and_found_again(smol, drawn, tmp_path, pair):
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    for path in (models_folder() / "hf" / "nano").iterdir():
        (checkpoint / path.name).write_bytes(path.read_bytes())
    first = plan(smol, drawn, "-m", checkpoint)
    assert first.code == 0, first.err
    assert "converting" in first.err
    again = plan(smol, drawn, "-m", "./checkpoint")
    assert "converting" not in again.err
    assert again.record == first.record
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config, indent=3))
    assert "converting" in plan(smol, drawn, "-m", checkpoint).err
    assert smol("cache", "info", "--json").record["rooms"]["converted"]["items"] == 2


def test_a_folder_with_one_pair_of_gguf_files_is_a_model(smol, drawn, pair):
    assert plan(smol, drawn, "-m", pair.language.parent).code == 0


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("500m-vide", "Did you mean 500m-video?"),
        ("nonsense", "Known: builtin, 256m"),
        ("500m-video", "smol pull 500m-video"),
        ("2.2b-video:q4_k_m", "smol pull 2.2b-video:q4_k_m"),
        ("nowhere.gguf", "There is no model file nowhere.gguf"),
        ("./nowhere", "There is no model file ./nowhere"),
        (".", "neither config.json nor a GGUF file"),
    ],
)
def test_a_model_that_is_not_there_says_what_to_type(smol, drawn, model, said):
    result = plan(smol, drawn, "-m", model)
    assert result.code == 4
    assert said in result.sentence


def test_tab_completes_models_pairs_prompts_and_settings(added):
    from smolcli.usage import completion as tab

    assert tab.model_names("m") == ["mine"]
    assert tab.model_names("500") == ["500m", "500m-video"]
    assert tab.local_names("") == ["mine", "mine:f32"]
    assert tab.catalog_names("gr") == ["granite-docling"]
    assert "docvqa" in tab.prompt_names("d")
    assert tab.completer(options_of(ReadingOptions)["prompt_style"])("p") == ["paper"]
    assert tab.setting_names("th") == ["threads"]
    assert known_names(load_settings())[0] == "builtin"


def test_tab_in_a_shell_offers_models_without_loading_anything_heavy(added, smol_process):
    variables = {"_SMOL_COMPLETE": "complete_bash", "COMP_WORDS": "smol ask -m mi", "COMP_CWORD": "3"}
    code = "import sys; sys.argv[0] = 'smol'; from smolcli.cli import main; main([]); print('numpy' in sys.modules)"
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["mine", "False"], done.stderr


class Clock:
    """An examiner that says how long a tile takes: 1 s published, `own` s our copy."""

    def __init__(self, own: float) -> None:
        self.own, self.measured = own, []

    def check(self, pair):
        pass

    def encode_s(self, pair):
        self.measured.append(pair.projector)
        return 1.0 if len(self.measured) == 1 else self.own


@pytest.fixture(scope="module")
def half():
    """The nano pair in F16."""
    nano_pair()
    out = models_folder() / "gguf" / "nano-half"
    made = convert(ConvertOptions(str(models_folder() / "hf" / "nano"), out, "nano", ("f16",), ("f16",), verify=False))
    return [record_file(file.path) for file in made.files]


def copy_of(files: list[LocalFile], clock, **how) -> tuple[LocalFile | None, list[str]]:
    told: list[str] = []
    language, projector = files
    found = survey(Path(language.path), Path(projector.path))
    return own_projector(language, projector, found, Adoption(load_settings(), clock, told.append, **how)), told


def test_a_bf16_copy_is_kept_where_one_encode_of_each_says_that_it_is_faster(half, monkeypatch):
    monkeypatch.setattr(adopt, "multiplies_bf16", lambda: True)
    clock = Clock(own=0.5)
    copy, told = copy_of(half, clock)
    assert [path.name.endswith("-same-bf16.gguf") for path in clock.measured] == [False, True]
    assert max(survey(Path(half[0].path), Path(copy.path)).projector.shares, key=lambda s: s.bytes).type == "BF16"
    assert "500 ms a tile, F16 1000 ms" in told[-1]
    assert copy.path.startswith(str(load_settings().cache_dir))
    slow = Clock(own=2.0)
    assert copy_of(half, slow) == (copy, ["our BF16 copy, found faster before, is used"])
    assert slow.measured == []


def test_a_bf16_copy_that_is_not_faster_is_not_kept(half, monkeypatch):
    monkeypatch.setattr(adopt, "multiplies_bf16", lambda: True)
    copy, told = copy_of(half, Clock(own=1.5))
    assert copy is None
    assert "not faster" in told[-1]
    assert list((load_settings().cache_dir / "projectors").glob("*.gguf")) == []


@pytest.mark.parametrize(("processor", "keep"), [(False, False), (True, True)])
def test_nothing_is_copied_or_measured_without_need_or_against_the_users_wish(half, monkeypatch, processor, keep):
    monkeypatch.setattr(adopt, "multiplies_bf16", lambda: processor)
    clock = Clock(own=0.5)
    assert copy_of(half, clock, keep_as_published=keep) == (None, [])
    assert clock.measured == []


def test_a_copy_that_was_cleared_from_the_cache_is_done_without(smol, half, drawn, monkeypatch):
    monkeypatch.setattr(adopt, "multiplies_bf16", lambda: True)
    copy, _ = copy_of(half, Clock(own=0.5))
    language, projector = half
    pair = LocalPair("mine", "f16", language, projector, 0, "nano", own_projector=copy)
    Store(load_settings().data_dir).save(pair)
    assert pair.pair().projector == Path(copy.path)
    os.utime(copy.path, (1, 1))
    assert plan(smol, drawn, "-m", "mine").code == 0
    assert Path(copy.path).stat().st_mtime > 1  # it is in use: others leave a full cache before it
    assert smol("cache", "clear").code == 0
    assert pair.pair().projector == Path(projector.path)
    assert plan(smol, drawn, "-m", "mine").code == 0
