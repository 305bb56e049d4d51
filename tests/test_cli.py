"""The boundary: main(argv) returns exit codes, again and again and in a forked child; nothing is loaded too early."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

from smolcli import __version__
from smolcli.cli import COMMANDS
from smolcli.errors import SmolError

HEAVY = ("llama_cpp", "cv2", "pymupdf", "numpy", "PIL", "rich", "gguf", "jinja2")


def python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "; smolcli.cli.main(['--help'])",
        "; smolcli.cli.main(['ask', '--help'])",
        "; smolcli.cli.main(['--version'])",
    ],
)
def test_importing_it_and_asking_for_help_load_nothing_heavy(after):
    code = f"import sys, smolcli.cli{after}; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code).stdout.splitlines()[-1] == "[]"


def test_a_wrong_command_line_loads_nothing_native():
    native = ("llama_cpp", "cv2", "pymupdf")
    code = f"import sys, smolcli.cli as c; print(c.main(['ask']), [name for name in {native} if name in sys.modules])"
    assert python(code).stdout.splitlines()[-1] == "2 []"


def test_version_is_the_packages(smol, smol_process):
    assert (smol("--version").code, smol("--version").out) == (0, f"smol {__version__}\n")
    assert smol_process("--version").out == f"smol {__version__}\n"


def test_without_a_command_the_help_is_on_stderr(smol):
    done = smol()
    assert done.code == 2 and done.out == "" and all(command in done.err for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(smol, command):
    for flag in ("--help", "-h"):
        done = smol(command, flag)
        assert done.code == 0 and "Usage: smol" in done.out and done.err == ""


@pytest.mark.parametrize("command", ["ask", "caption", "docvqa", "video", "plan"])
def test_reading_commands_share_their_options(smol, command):
    out = smol(command, "--help").out
    shared = "--model --mmproj --threads --device --gpu-layers --context --parallel --detail --prompt-style --system"
    more = "--prompt-file --temp --top-p --seed --max-tokens --json --output --plan --stats --quiet --verbose"
    for option in (*shared.split(), *more.split()):
        assert option in out


def test_a_wrong_command_or_option_is_one_sentence_that_says_where_to_look(smol):
    for argv in (["sing"], ["ask", "--nonsense"], ["caption"], ["--nonsense"], ["ask", "x", "y", "--threads"]):
        done = smol(*argv)
        assert done.code == 2 and done.out == "" and "--help" in done.sentence


def test_main_can_be_called_again_and_again(smol, drawn):
    argv = ("ask", drawn / "exit.png", "What does the sign say?", "-q")
    first = smol(*argv)
    assert smol("ask", drawn / "nowhere.png", "What?").code == 3
    assert smol(*argv) == first and first.code == 0


def test_main_works_in_a_forked_child(smol, drawn):
    """After the parent has computed: OpenMP's threads do not survive a fork."""
    from smolcli.cli import main

    argv = ["ask", str(drawn / "exit.png"), "What does the sign say?", "-q"]
    whole = smol(*argv)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.close(reader)
        with open(writer, "w") as stream:
            sys.stdout = stream
            code = main(argv)
        os._exit(code)
    os.close(writer)
    with open(reader) as stream:
        assert stream.read() == whole.out
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert smol(*argv) == whole


def test_every_error_class_owns_its_exit_code():
    found = {}
    waiting = [SmolError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found[kind.__name__] = kind.exit_code
    own = {"SomeInputsFailedError": 1, "UsageError": 2, "MediaError": 3, "ModelError": 4, "DoesNotFitError": 5}
    own |= {"OutputError": 6, "EngineError": 7, "EncryptedError": 8, "ReaderGoneError": 141}
    assert own.items() <= found.items()


def test_a_fault_of_ours_is_a_sentence_and_its_traceback_shows_on_demand(smol, monkeypatch):
    from smolcli.cli import prompts

    monkeypatch.setattr(prompts, "names", lambda: 1 / 0)
    done = smol("prompts")
    assert (
        done.code == 7
        and "ZeroDivisionError" in done.err
        and "SMOL_DEBUG=1" in done.err
        and "Traceback" not in done.err
    )
    monkeypatch.setenv("SMOL_DEBUG", "1")
    assert "Traceback" in smol("prompts").err


def test_debug_shows_the_traceback_of_a_users_error_too(smol, drawn, monkeypatch):
    monkeypatch.setenv("SMOL_DEBUG", "1")
    done = smol("ask", drawn / "nowhere.png", "What?")
    assert done.code == 3 and "Traceback" in done.err and "does not exist" in done.err.splitlines()[-1]


def test_the_console_script_and_the_module_are_the_same(smol_process):
    script = "from smolcli.cli import entry; import sys; sys.argv = ['smol', 'prompts']; entry()"
    assert smol_process("prompts").out == python(script).stdout != ""
