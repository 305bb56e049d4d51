"""Files appear whole or not at all, after a kill, a signal, a full disk; twice the same bytes; in bounded memory."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import Variant, write_checkpoint

from gguf_convert.convert import ConvertOptions, convert
from gguf_convert.errors import CannotWriteError
from gguf_convert.quantize import quantize_file
from gguf_convert.write import Staging

TINY = Variant(tiny_tokenizer=True)
TESTS = Path(__file__).parent
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and limits")

INTERRUPTED = """
import os, signal, sys
from gguf_convert import __main__ as command

def stop(self, step, done, total):  # half way through the first file
    if step.endswith(".gguf") and done > 0.6 * total:
        os.kill(os.getpid(), signal.{signal})

command.Bar.__call__ = stop
sys.exit(command.main(sys.argv[1:]))
"""


SMOL_INTERRUPTED = """
import os, signal, sys
from smolcli.cli import entry
from smolcli.console import ByteBar

def stop(self, step, done, total):  # half way through the first file
    if step.endswith(".gguf") and done > 0.6 * total:
        os.kill(os.getpid(), signal.{signal})

ByteBar.__call__ = stop
if {ignored}:
    signal.signal(signal.{signal}, signal.SIG_IGN)  # as nohup does
entry()
"""


def run(code, *arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(TESTS.parent)}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, env=environment, **options
    )


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "tiny", variant=TINY)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_polite_signal_in_mid_write_leaves_nothing(folder, tmp_path, name):
    done = run(INTERRUPTED.format(signal=name), folder, "-o", tmp_path / "out")
    assert done.returncode == 128 + getattr(signal, name), done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_smol_convert_ends_in_mid_write_with_the_code_of_its_signal(folder, tmp_path, name):
    done = run(SMOL_INTERRUPTED.format(signal=name, ignored=False), "convert", folder, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (128 + getattr(signal, name), "")
    assert not (tmp_path / "out").exists()


def test_smol_convert_goes_on_under_nohup(folder, tmp_path):
    command = ("convert", folder, "-o", tmp_path / "out", "--no-verify", "-q")
    done = run(SMOL_INTERRUPTED.format(signal="SIGHUP", ignored=True), *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_kill_in_mid_write_leaves_no_file_under_a_final_name_and_the_next_run_cleans_up(folder, tmp_path):
    out = tmp_path / "out"
    done = run(INTERRUPTED.format(signal="SIGKILL"), folder, "-o", out)
    assert done.returncode == -signal.SIGKILL
    left = list(out.iterdir())
    assert left
    assert all(path.name.startswith(".") for path in left)
    result = convert(ConvertOptions(str(folder), out))
    assert sorted(out.iterdir()) == sorted(file.path for file in result.files)


def test_a_disk_that_fills_up_is_exit_6_and_leaves_nothing(folder, tmp_path):
    """A limit on the size of files stands for the full disk: the write itself fails in the middle."""
    code = "import sys; from gguf_convert.__main__ import main; sys.exit(main(sys.argv[1:]))"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run(code, folder, "-o", tmp_path / "out", preexec_fn=limit)
    assert done.returncode == 6, done.stderr
    assert done.stderr.startswith("error: The disk is full")
    assert not (tmp_path / "out").exists()


def test_a_conversion_larger_than_the_disk_is_refused_before_it_starts(tmp_path):
    with pytest.raises(CannotWriteError, match="MB free"), Staging(tmp_path / "out", "x") as staging:
        staging.require(10**18)
    assert not (tmp_path / "out").exists()


def test_the_staging_folder_of_a_live_run_is_left_alone(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    other = out / f".tiny.{os.getppid()}.part"
    other.mkdir()
    convert(ConvertOptions(str(folder), out))
    assert other.is_dir()


def test_the_same_checkpoint_gives_the_same_bytes_twice(folder, tmp_path):
    runs = [convert(ConvertOptions(str(folder), tmp_path / str(i), lm=("q8_0", "f16"))) for i in range(2)]
    assert [file.sha256 for file in runs[0].files] == [file.sha256 for file in runs[1].files]


def test_the_pair_id_follows_the_weights_and_the_tokenizer(folder, tmp_path):
    pair_ids = set()
    for i, change in enumerate((lambda: None, lambda: poke(folder / "tokenizer.json"), lambda: flip(folder))):
        change()
        pair_ids.add(convert(ConvertOptions(str(folder), tmp_path / str(i))).pair_id)
    assert len(pair_ids) == 3


def test_json_describes_what_lies_on_the_disk(folder, tmp_path):
    code = "import sys; from gguf_convert.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = run(code, folder, "-o", tmp_path / "out", "--outtype", "f16,q8_0", "--json")
    result = json.loads(done.stdout)
    assert result["schema"] == 1
    assert [(file["part"], file["type"]) for file in result["files"]] == [
        (part, kind) for part in ("lm", "mmproj") for kind in ("f16", "q8_0")
    ]
    assert all(Path(file["path"]).stat().st_size == file["bytes"] for file in result["files"])
    assert {file["pair_id"] for file in result["files"]} == {result["files"][0]["pair_id"]}
    assert result["files"][3]["fallbacks"][0]["tensor"] == "v.blk.0.ffn_down.weight"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc; ru_maxrss counts the parent's memory too"
)
def test_memory_stays_far_below_the_largest_tensor_as_float32(tmp_path):
    """A head of 49,280 × 1,024: 202 MB as float32, of which a few MB are held at a time."""
    config = {"text_config": {"hidden_size": 1024, "num_attention_heads": 16}}
    folder = write_checkpoint(tmp_path / "wide", variant=Variant(config=config))
    code = (
        "import sys; from gguf_convert.__main__ import main; main(sys.argv[1:]);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    )
    done = run(code, folder, "-o", tmp_path / "out")
    assert int(done.stderr.split()[-1]) / 1024 < 150


def poke(path):
    path.write_text(path.read_text() + " ")


def flip(folder):
    weights = folder / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)


def test_a_pair_that_the_check_refuses_gets_no_name_and_leaves_nothing(folder, tmp_path):
    seen = []

    def refuse(staged):
        seen.extend(file.path.stat().st_size == file.bytes for file in staged.files)
        raise CannotWriteError("No.")

    with pytest.raises(CannotWriteError):
        convert(ConvertOptions(str(folder), tmp_path / "deep" / "out"), check=refuse)
    assert seen == [True, True]
    assert not (tmp_path / "deep").exists()


def test_a_folder_or_a_dangling_link_under_a_final_name_is_left_alone(folder, tmp_path):
    out = tmp_path / "out"
    options = {"name": "x", "lm": ("f16",), "mmproj": ("f16",)}
    (out / "mmproj-x-f16.gguf").mkdir(parents=True)
    with pytest.raises(CannotWriteError, match="is a folder"):
        convert(ConvertOptions(str(folder), out, force=True, **options))
    assert [path.name for path in out.iterdir()] == ["mmproj-x-f16.gguf"]
    (out / "mmproj-x-f16.gguf").rmdir()
    (out / "x-f16.gguf").symlink_to("nowhere")
    with pytest.raises(CannotWriteError, match="exists already"):
        convert(ConvertOptions(str(folder), out, **options))


def test_a_name_too_long_for_a_file_is_a_sentence(folder, tmp_path):
    with pytest.raises(CannotWriteError, match="too long"):
        convert(ConvertOptions(str(folder), tmp_path / "out", name="x" * 300))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_llama_cpp_quantizes_ends_it_and_leaves_nothing(folder, tmp_path, name):
    code = """
import os, signal, subprocess, sys
from gguf_convert import quantize
from gguf_convert.__main__ import main
begin = subprocess.Popen.communicate

def signal_and_wait(process, *arguments, **options):
    os.kill(os.getpid(), signal.NAME)
    return begin(process, *arguments, **options)

subprocess.Popen.communicate = signal_and_wait
sys.exit(main(sys.argv[1:]))
""".replace("NAME", name)
    done = run(code, folder, "-o", tmp_path / "out", "--lm", "q4_k_m", "--mmproj", "f16")
    assert done.returncode == 128 + getattr(signal, name), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")
def test_a_disk_that_fills_up_while_llama_cpp_quantizes_is_exit_6(folder, tmp_path):
    file = convert(ConvertOptions(str(folder), tmp_path, lm=("f16",), mmproj=("f16",))).files[0]
    with pytest.raises(CannotWriteError, match="disk is full"):
        quantize_file(file.path, Path("/dev/full"), "q4_0")


def test_a_quiet_run_has_nothing_on_stderr_and_json_survives_any_name(folder, tmp_path):
    code = "import sys; from gguf_convert.__main__ import main; sys.exit(main(sys.argv[1:]))"
    (folder / "preprocessor_config.json").unlink()  # worth a warning
    done = run(code, folder, "-o", tmp_path / "out", "--name", "a\udcff", "--mmproj", "AUTO", "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["files"][0]["path"].endswith("a\udcff-q8_0.gguf")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")
def test_an_output_that_cannot_be_written_is_a_sentence(folder, tmp_path):
    command = [sys.executable, "-m", "gguf_convert", str(folder), "-o", str(tmp_path / "out"), "--outtype", "f16"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=TESTS.parent)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
