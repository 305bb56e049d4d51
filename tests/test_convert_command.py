"""`smol convert`, `smol inspect` and `smol repair` as a person types them, with the built-in model's own folder."""

import atexit
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from smolcli.cli import main

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from train_nano.unpack import SHIPPED, unpack

SOURCE = Path(tempfile.mkdtemp(prefix="unpacked-")) / "smol-nano"
atexit.register(shutil.rmtree, SOURCE.parent, ignore_errors=True)
unpack(SHIPPED, SOURCE)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    out = tmp_path_factory.mktemp("nano")
    assert main(["convert", str(SOURCE), "-o", str(out), "--lm", "f16,q4_k_m", "--mmproj", "f16,q4_0"]) == 0
    return out


def test_convert_writes_every_type_and_loads_every_file(tmp_path, capsys):
    code = main(["convert", str(SOURCE), "-o", str(tmp_path), "--lm", "f16,q8_0", "--mmproj", "f16"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["mmproj-smol-nano-f16.gguf", "smol-nano-f16.gguf", "smol-nano-q8_0.gguf"]
    loaded = [line for line in shown.out.splitlines() if line.startswith("loaded ")]
    assert len(loaded) == 2
    assert all("64 rows of 320" in line for line in loaded)


def test_report_ranks_precision_as_it_is(tmp_path, capsys):
    arguments = ["convert", str(SOURCE), "-o", str(tmp_path), "--lm", "f16,q4_0", "--mmproj", "f16,q4_0"]
    assert main([*arguments, "--report", "--json", "-q"]) == 0
    table = json.loads(capsys.readouterr().out)
    cost = {(row["part"], row["type"]): row for row in table["report"]["types"]}
    assert cost["mmproj", "f16"]["relative_error"] < 2e-3 < cost["mmproj", "q4_0"]["relative_error"]
    assert cost["mmproj", "q4_0"]["cosine"] < cost["mmproj", "f16"]["cosine"] <= 1 + 1e-9
    assert 0 <= cost["lm", "f16"]["kl"] < cost["lm", "q4_0"]["kl"]
    assert cost["lm", "f16"]["cosine"] is None
    assert cost["lm", "f16"]["agreement"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(f["path"]).name for f in table["files"])


def test_report_prints_a_table_for_people(tmp_path, capsys):
    assert main(["convert", str(SOURCE), "-o", str(tmp_path), "--outtype", "f16", "--report", "-q"]) == 0
    out = capsys.readouterr().out
    assert "Against f32" in out
    assert "rel. error" in out


def test_no_verify_does_not_load_the_model(tmp_path, capsys):
    assert main(["convert", str(SOURCE), "-o", str(tmp_path), "--outtype", "f16", "--no-verify", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["verified"] is False
    assert table["loaded"] is False


@pytest.mark.parametrize(
    ("change", "code"), [("config.json", 4), ("tokenizer.json", 4), ("adapter", 4), ("exists", 6), ("type", 2)]
)
def test_errors_are_one_line_with_their_exit_code(tmp_path, capsys, change, code):
    folder, out = tmp_path / "src", tmp_path / "out"
    folder.mkdir()
    for file in filter(Path.is_file, SOURCE.iterdir()):
        if file.name != change:
            (folder / file.name).symlink_to(file)
    arguments = ["convert", str(folder), "-o", str(out), "--name", "x", "--mmproj", "f16"]
    if change == "adapter":
        (folder / "adapter_config.json").write_text("{}")
    elif change == "exists":
        out.mkdir()
        (out / "x-q8_0.gguf").write_text("mine")
    elif change == "type":
        arguments += ["--lm", "q7"]
    assert main(arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("smol: error: ")
    assert shown.err.count("\n") == 1
    assert list(out.glob("*")) == ([out / "x-q8_0.gguf"] if change == "exists" else [])


def test_a_hub_id_that_cannot_be_fetched_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    assert main(["convert", "NO-ORG/no-model", "-o", str(tmp_path / "o")]) == 7
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "NO-ORG/no-model is not on this machine" in shown.err


def test_inspect_describes_a_pair(converted, capsys):
    files = [str(converted / "smol-nano-q4_k_m.gguf"), str(converted / "mmproj-smol-nano-f16.gguf")]
    assert main(["inspect", *files]) == 0
    text = capsys.readouterr().out
    assert "tile 256 px" in text
    assert "fit (one checkpoint)" in text
    assert main(["inspect", *files, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["pairs"][0]["image_tokens"]["0x0"] == 67


def test_inspect_refuses_what_is_no_gguf(tmp_path, capsys):
    (tmp_path / "x.gguf").write_text("hello" * 100)
    assert main(["inspect", str(tmp_path / "x.gguf")]) == 4
    assert "not a GGUF file" in capsys.readouterr().err


def test_text_in_a_file_cannot_move_the_cursor(tmp_path, capsys):
    from gguf_convert.metadata import Metadata
    from gguf_convert.write import write_gguf

    metadata = Metadata()
    metadata.string("general.architecture", "llama")
    metadata.string("tokenizer.chat_template", "\x1b[2J\x1b]0;owned\x07")
    metadata.string("gguf_convert.source.name", "\x1b[31mred")
    write_gguf(tmp_path / "x.gguf", metadata, [], [])
    assert main(["inspect", str(tmp_path / "x.gguf")]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_repair_retypes_and_says_how_much_changed(converted, tmp_path, capsys):
    file, copy = converted / "mmproj-smol-nano-f16.gguf", tmp_path / "copy.gguf"
    arguments = ["repair", str(file), "-o", str(copy), "--longest-edge", "1024", "--outtype", "bf16"]
    assert main([*arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["longest_edge_px"] == {"before": 512, "after": 1024}
    assert 0 < table["values"]["changed"] <= table["values"]["retyped"]
    assert main(arguments) == 6
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    assert "values changed" in capsys.readouterr().out


def test_weights_that_are_not_numbers_are_counted_and_warned_of_and_written(tmp_path, capsys):
    folder = tmp_path / "nan"
    folder.mkdir()
    for file in filter(Path.is_file, SOURCE.iterdir()):
        (folder / file.name).write_bytes(file.read_bytes())
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-4000:] = np.full(1000, np.nan, np.float32).tobytes()
    (folder / "model.safetensors").write_bytes(weights)
    arguments = ["convert", str(folder), "-o", str(tmp_path / "o"), "--outtype", "f16"]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert "1,000 weights are NaN" in shown.err
    assert "no usable embeddings" in shown.out
    assert len(list((tmp_path / "o").iterdir())) == 2
    assert main([*arguments, "--force", "-q", "--report", "--json"]) == 4
    assert "nothing to compare" in capsys.readouterr().err
