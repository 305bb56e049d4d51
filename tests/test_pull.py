"""smol pull against a Hub on loopback: real files, real HTTP, real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hub_server import Hub, sha256
from models import folder, member_pair, nano_pair

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.names import Clip
from gguf_convert.read import read_gguf
from gguf_convert.write import write_gguf
from smolcli.datatypes import ModelPair
from smolcli.models.catalog import find

ROOT = Path(__file__).parent.parent
TINY = "org/Tiny-GGUF"
ENTRY = find("500m")  # of the catalog's entries one whose bytes and hashes are not known: any file may stand in


@cache
def tiny_pair(kind: str) -> ModelPair:
    """290 tokens, 8-px tiles, in one type."""
    nano_pair()
    out = folder() / "gguf" / f"nano-{kind}"
    made = convert(ConvertOptions(str(folder() / "hf" / "nano"), out, "nano", (kind,), (kind,), verify=False))
    return ModelPair(made.files[0].path, made.files[1].path, "nano")


@pytest.fixture
def hub():
    with Hub() as server:
        yield server


@pytest.fixture(scope="module")
def tiny() -> dict[str, bytes]:
    pair = tiny_pair("f16")
    return {"tiny-f16.gguf": pair.language.read_bytes(), "mmproj-tiny-f16.gguf": pair.projector.read_bytes()}


@pytest.fixture
def folders(hub, tmp_path) -> dict[str, str]:
    """The environment: this Hub, and folders of this test."""
    own = {f"SMOL_{name.upper()}_DIR": str(tmp_path / name) for name in ("data", "cache", "state")}
    return {**own, "SMOL_CONFIG": str(tmp_path / "config.toml"), **hub.environment(tmp_path)}


@pytest.fixture
def typed(smol, folders, monkeypatch):
    """typed("pull", NAME) in this process. huggingface_hub reads HF_HOME when it is imported: its cache is moved."""
    from huggingface_hub import constants

    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", f"{folders['HF_HOME']}/hub")
    return smol


@pytest.fixture
def process(folders):
    """The same in a process of its own; `before` is run first."""

    def run(*argv: str, before: str = "") -> subprocess.CompletedProcess[str]:
        code = f"{before}\nimport sys\nfrom smolcli.cli import main\nsys.exit(main({list(argv)!r}))"
        command, environment = [sys.executable, "-c", code], {**os.environ, **folders}
        return subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False
        )

    return run


def gguf_files(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_size > 999
    ]


def without_key(projector: Path, out: Path) -> bytes:
    """The projector as it was published before the key was known to anyone."""
    file = read_gguf(projector)
    metadata = file.metadata
    del metadata.values[Clip.PREPROC_IMAGE_SIZE]
    data = projector.read_bytes()
    blocks = [[np.frombuffer(data, np.uint8, tensor.bytes, file.offsets[tensor.name])] for tensor in file.tensors]
    write_gguf(out, metadata, list(file.tensors), blocks)
    return out.read_bytes()


def test_both_files_of_a_repository_arrive_whole_with_their_hashes_recorded(hub, tiny, process):
    hub.add(TINY, tiny)
    done = process("pull", TINY, "--json", "--keep-as-published")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["language"]["sha256"] == sha256(tiny["tiny-f16.gguf"])
    assert record["projector"]["sha256"] == sha256(tiny["mmproj-tiny-f16.gguf"])
    assert (record["name"], record["quant"], record["revision"]) == ("tiny", "f16", hub.repos[TINY].commit)
    assert Path(record["language"]["path"]).read_bytes() == tiny["tiny-f16.gguf"]


def test_a_pulled_model_is_listed_answers_and_is_removed_without_asking_again(hub, tiny, typed, tmp_path, drawn):
    hub.add(TINY, tiny)
    assert typed("pull", TINY, "-q").code == 0
    asked = len(hub.requests)
    (row,) = [json.loads(line) for line in typed("models", "--json").out.splitlines()][1:]
    assert (row["name"], row["whole"], row["disk_bytes"]) == ("tiny", True, row["disk_bytes"])
    for name in ("tiny", "tiny:f16", TINY):
        done = typed("plan", "-m", name, str(drawn / "exit.png"), "What?", "--json")
        assert done.code == 0, done.err
    assert typed("rm", "tiny").code == 0
    assert gguf_files(tmp_path) == []
    assert len(hub.requests) == asked
    assert "no model tiny" in typed("plan", "-m", "tiny", str(drawn / "exit.png"), "What?").err


def test_a_cut_connection_is_taken_up_where_it_broke(hub, tiny, typed, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # as gigabytes are to its 10 MB
    hub.add(TINY, tiny)
    hub.cut_after = [20_000]
    done = typed("pull", TINY, "-q")
    assert done.code == 0, done.err
    assert hub.ranges == ["bytes=20000-"]


def test_what_a_killed_download_left_is_removed_by_the_next(hub, tiny, typed, tmp_path):
    hub.add(TINY, tiny)
    blobs = tmp_path / "hf" / "hub" / f"models--{TINY.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    left, written_now = blobs / "aa.1.incomplete", blobs / "aa.2.incomplete"
    left.write_bytes(bytes(5000))
    written_now.write_bytes(bytes(5000))
    os.utime(left, (1, 1))
    assert typed("pull", TINY, "-q").code == 0
    assert not left.exists()
    assert written_now.exists()


def test_wrong_bytes_are_refused_and_nothing_of_them_is_kept(hub, tiny, typed, tmp_path):
    hub.add(TINY, tiny)
    hub.wrong_bytes = True
    done = typed("pull", TINY)
    assert done.code == 4
    assert "it was not kept" in done.err and "Try again" in done.err
    assert gguf_files(tmp_path) == []
    assert not list((tmp_path / "data").rglob("*.json"))
    hub.wrong_bytes = False
    assert typed("pull", TINY, "-q").code == 0


def test_a_repository_that_is_not_there_is_a_sentence(hub, typed):
    done = typed("pull", "org/nothing")
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert "org/nothing (404)" in done.err


def test_a_file_that_is_listed_but_gone_is_a_sentence(hub, tiny, typed, tmp_path):
    hub.add(TINY, tiny, hidden=("mmproj-tiny-f16.gguf",))
    done = typed("pull", TINY, "-q")
    assert done.code == 4
    assert "is not there (404)" in done.err
    assert not list((tmp_path / "data").rglob("*.json"))


def test_a_terminal_shows_bars_and_minus_q_shows_none(hub, tiny, folders):
    import fcntl
    import pty
    import struct
    import termios

    hub.add(TINY, tiny)
    shown = []
    for options in ([], ["-q"]):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        command = [sys.executable, "-m", "smolcli", "pull", TINY, "--keep-as-published", *options]
        environment = {**os.environ, **folders, "HF_HOME": folders["HF_HOME"] + str(len(shown))}
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, cwd=ROOT, env=environment, check=False)
        os.close(theirs)
        assert done.returncode == 0
        try:
            shown.append(os.read(ours, 100_000))
        except OSError:  # nothing was written
            shown.append(b"")
        os.close(ours)
    assert b"100%" in shown[0]
    assert shown[1] == b""


def test_401_hints_at_hf_token_which_opens_it(hub, tiny, typed, monkeypatch):
    hub.add(TINY, tiny, token="hf_secret")
    refused = typed("pull", TINY)
    assert refused.code == 4
    assert "(401)" in refused.err and "HF_TOKEN" in refused.err
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    opened = typed("pull", TINY, "-q")
    assert opened.code == 0, opened.err


def test_a_disk_too_small_for_both_is_said_before_anything_is_fetched(hub, tiny, typed):
    hub.add(TINY, tiny, sizes={"tiny-f16.gguf": 10**17})
    done = typed("pull", TINY)
    assert done.code == 6
    assert "100,000,000,00" in done.err and "HF_HOME" in done.err
    assert not [asked for asked in hub.requests if "/cdn/" in asked]


def test_a_disk_that_fills_up_on_the_way_leaves_nothing_behind(hub, tiny, process, tmp_path):
    hub.add(TINY, tiny)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))"
    done = process("pull", TINY, "-q", before=limit)
    assert done.returncode == 6, done.stderr
    assert "disk is full" in done.stderr
    assert gguf_files(tmp_path) == []


def test_two_pulls_at_once_do_not_disturb_each_other(hub, tiny, process):
    from concurrent.futures import ThreadPoolExecutor

    hub.add(TINY, tiny)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: process("pull", TINY, "-q"), range(2)))
    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    assert process("models", "verify").returncode == 0


def test_a_renamed_repository_is_followed(hub, tiny, typed):
    hub.add("org/New-GGUF", tiny)
    hub.moved["org/Old-GGUF"] = "org/New-GGUF"
    done = typed("pull", "org/Old-GGUF", "-q")
    assert done.code == 0, done.err


def test_a_repository_without_a_projector_lists_what_it_has(hub, tiny, typed):
    hub.add(TINY, {"tiny-f16.gguf": tiny["tiny-f16.gguf"]})
    done = typed("pull", TINY)
    assert done.code == 4
    assert "no projector" in done.err and "tiny-f16.gguf" in done.err


def test_a_pair_that_does_not_belong_together_is_refused(hub, tiny, typed, tmp_path):
    other = member_pair("SmolVLM2-500M-Video-Instruct").projector.read_bytes()
    hub.add(TINY, {**tiny, "mmproj-tiny-f16.gguf": other})
    done = typed("pull", TINY, "-q")
    assert done.code == 4
    assert "no pair" in done.err
    assert not list((tmp_path / "data").rglob("*.json"))


def test_a_file_of_the_repository_can_be_named(hub, tiny, typed):
    hub.add(TINY, {**tiny, "tiny-q8_0.gguf": tiny_pair("q8_0").language.read_bytes()})
    assert json.loads(typed("pull", TINY, "--json", "-q").out)["quant"] == "q8_0"
    assert json.loads(typed("pull", f"{TINY}:f16", "--json", "-q").out)["quant"] == "f16"
    named = typed("pull", f"{TINY}:tiny-f16.gguf", "--json", "-q")
    assert json.loads(named.out)["language"]["path"].endswith("tiny-f16.gguf")
    missing = typed("pull", f"{TINY}:q2_k")
    assert missing.code == 2 and "tiny-q8_0.gguf" in missing.err


def test_a_catalog_name_gets_the_missing_key_into_our_own_copy(hub, typed, tmp_path):
    pair = tiny_pair("f16")
    published = without_key(pair.projector, tmp_path / "old.gguf")
    hub.add(ENTRY.repository, {ENTRY.language[0].file: pair.language.read_bytes(), ENTRY.mmproj[0].file: published})
    done = typed("pull", "500m", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert "lacks clip.vision.preproc_image_size" in done.err
    assert read_gguf(Path(record["own_projector"]["path"])).metadata.get(Clip.PREPROC_IMAGE_SIZE) == 2048
    assert Path(record["projector"]["path"]).read_bytes() == published
    kept = json.loads(typed("pull", "500m", "--json", "--keep-as-published").out)
    assert kept["own_projector"] is None


def test_a_repository_that_is_not_what_the_catalog_knows_is_refused(hub, tiny, typed):
    entry = find("500m-video")
    files = {entry.language[0].file: tiny["tiny-f16.gguf"], entry.mmproj[0].file: tiny["mmproj-tiny-f16.gguf"]}
    hub.add(entry.repository, files)
    done = typed("pull", "500m-video")
    assert done.code == 4
    assert "not the file that was checked" in done.err
    assert not [asked for asked in hub.requests if "/cdn/" in asked]


def test_a_checkpoint_without_gguf_files_is_converted_here(hub, typed, tmp_path):
    nano_pair()
    files = {path.name: path.read_bytes() for path in (folder() / "hf" / "nano").iterdir()}
    hub.add(find("smoldocling").checkpoint, files)
    done = typed("pull", "smoldocling", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["name"], record["quant"]) == ("smoldocling", "q8_0")
    assert str(tmp_path / "data") in record["language"]["path"]
    assert not list((tmp_path / "hf").rglob("*.safetensors"))
    assert typed("models", "verify").code == 0
    assert typed("rm", "smoldocling").code == 0
    assert gguf_files(tmp_path / "data") == gguf_files(tmp_path / "hf") == []


def test_two_checkpoints_of_the_same_name_are_converted_into_folders_of_their_own(hub, typed):
    nano_pair()
    files = {path.name: path.read_bytes() for path in (folder() / "hf" / "nano").iterdir()}
    records = []
    for repository in ("one/nano", "two/nano"):
        hub.add(repository, files)
        done = typed("pull", repository, "--json", "-q")
        assert done.code == 0, done.err
        records.append(json.loads(done.out))
    assert [record["name"] for record in records] == ["nano", "two-nano"]
    assert records[0]["language"]["path"] != records[1]["language"]["path"]


def test_offline_takes_what_the_cache_holds_and_asks_nobody(hub, tiny, typed, monkeypatch):
    from huggingface_hub import constants

    hub.add(TINY, tiny)
    assert typed("pull", TINY, "-q").code == 0
    asked = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # read from the environment when imported
    again = typed("pull", TINY, "-q")
    assert again.code == 0, again.err
    missing = typed("pull", "500m")
    assert missing.code == 7 and "HF_HUB_OFFLINE" in missing.err
    assert len(hub.requests) == asked


def test_a_hub_id_after_m_is_fetched_once(hub, tiny, typed, drawn):
    hub.add(TINY, tiny)
    first = typed("plan", "-m", TINY, str(drawn / "exit.png"), "What?", "--json")
    assert first.code == 0, first.err
    assert f"fetching {TINY}" in first.err
    asked = len(hub.requests)
    assert typed("plan", "-m", TINY, str(drawn / "exit.png"), "What?").code == 0
    assert len(hub.requests) == asked


def test_a_file_of_a_hub_id_after_m_is_fetched_once(hub, tiny, typed, drawn):
    hub.add(TINY, tiny)
    asked = []
    for _ in range(2):
        done = typed("plan", "-m", f"{TINY}:tiny-f16.gguf", str(drawn / "exit.png"), "What?")
        assert done.code == 0, done.err
        asked.append(len(hub.requests))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("name", ["../../../../x/tiny-f16.gguf", "/tmp/tiny-f16.gguf", "a/..\\..\\tiny-f16.gguf"])
def test_a_file_whose_name_leads_elsewhere_is_not_seen(hub, tiny, typed, tmp_path, name):
    hub.add(TINY, {name: tiny["tiny-f16.gguf"], "mmproj-tiny-f16.gguf": tiny["mmproj-tiny-f16.gguf"]})
    done = typed("pull", TINY, "-q")
    assert done.code == 4
    assert "no language model" in done.err
    assert gguf_files(tmp_path) == []


def test_a_commit_that_is_a_path_is_refused(hub, tiny, typed, tmp_path):
    hub.add(TINY, tiny, commit="../../../evil")
    done = typed("pull", TINY, "-q")
    assert done.code == 4
    assert "no Hub to trust" in done.err
    assert gguf_files(tmp_path) == []


@pytest.mark.parametrize("size", ["abc", -5, True])
def test_a_size_that_is_none_counts_as_not_told(hub, tiny, typed, size):
    hub.add(TINY, tiny, sizes={"tiny-f16.gguf": size})
    done = typed("pull", TINY, "-q")
    assert done.code == 0, done.err


def test_a_page_where_the_hub_should_be_is_a_sentence(hub, typed, monkeypatch):
    page = lambda handler: handler._answer(200, {"Content-Type": "text/html"}, b"<html>Log in</html>")  # noqa: E731
    monkeypatch.setattr(hub.handler, "_route", page)
    done = typed("pull", TINY)
    assert done.code == 7
    assert "does not speak as the Hub does. Is it a login page" in done.err


def test_a_name_that_is_taken_is_left_to_its_owner(hub, tiny, typed):
    pair = tiny_pair("f16")
    assert typed("models", "add", "tiny", str(pair.language), str(pair.projector), "-q").code == 0
    hub.add(TINY, tiny)
    assert json.loads(typed("pull", TINY, "--json", "-q").out)["name"] == "org-tiny"
    assert [json.loads(line)["name"] for line in typed("models", "--json").out.splitlines()][1:] == ["org-tiny", "tiny"]


def test_offline_half_a_pair_says_that_only_the_cache_was_looked_into(hub, tiny, typed, monkeypatch):
    from huggingface_hub import constants

    hub.add(TINY, tiny, hidden=("mmproj-tiny-f16.gguf",))
    assert typed("pull", TINY, "-q").code == 4
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = typed("pull", TINY, "-q")
    assert done.code == 7
    assert "Only the cache was looked into" in done.err


def test_a_type_that_nothing_can_be_converted_to_is_refused_before_anything_is_fetched(hub, typed):
    hub.add(find("smoldocling").checkpoint, {"config.json": b"{}", "model.safetensors": b"0" * 99})
    done = typed("pull", "smoldocling:banana")
    assert done.code == 2
    assert "banana is not a type" in done.err
    assert not [asked for asked in hub.requests if "/resolve/" in asked]


def test_an_unknown_name_lists_the_catalog_and_asks_nobody(hub, typed):
    done = typed("pull", "7b")
    assert done.code == 2
    assert "500m-video" in done.err
    assert hub.requests == []
