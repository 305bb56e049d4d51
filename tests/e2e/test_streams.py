"""Stdout is the answer, stderr the conversation: pipes, terminals, full disks, files, signals."""

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from drawing import draw_pdf, draw_text

COMMAND = [sys.executable, "-m", "smolcli"]


def in_terminal(argv, stderr=None):
    """Run with stdout (and stderr, unless given) on a terminal of 80 columns → (exit code, what the terminal got)."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [*COMMAND, *map(str, argv)],
        cwd=ROOT,
        stdout=theirs,
        stderr=stderr or theirs,
        stdin=subprocess.DEVNULL,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError as error:  # Linux says so when the other side has been closed
                assert error.errno == errno.EIO
                break
            if not data:
                break
            shown += data
        code = process.wait(60)
    os.close(ours)
    return code, shown.decode().replace("\r\n", "\n")


def test_what_is_streamed_on_a_terminal_is_what_a_pipe_gets(smol, drawn):
    argv = ("ask", drawn / "exit.png", "-Q", "What does the sign say?", "-Q", "Describe this image.", "-q")
    assert in_terminal(argv) == (0, smol(*argv).out)


def test_pages_on_a_terminal_are_as_in_a_pipe_and_no_bar_runs_through_them(smol, drawn):
    argv = ("docvqa", drawn / "doc.pdf", "--max-tokens", "8")
    code, shown = in_terminal(argv)
    assert code == 0 and "\x1b" not in shown and shown.endswith(smol(*argv).out)


def test_a_bar_is_shown_on_stderr_alone_when_that_is_a_terminal(drawn, tmp_path):
    ours, theirs = pty.openpty()
    argv = [*COMMAND, "docvqa", str(drawn / "doc.pdf"), "-o", str(tmp_path / "out.txt")]
    with open(tmp_path / "stdout", "wb") as stdout:
        process = subprocess.Popen(
            argv, cwd=ROOT, stdout=stdout, stderr=theirs, stdin=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"}
        )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:
        pass
    assert process.wait(60) == 0 and b"/3" in shown and (tmp_path / "stdout").read_bytes() == b""
    assert (tmp_path / "out.txt").read_text().count("[page") == 3


def test_llama_cpp_prints_nothing_unless_very_verbose(smol_process, drawn):
    quiet, loud = (smol_process("ask", drawn / "exit.png", "What?", *more) for more in ((), ("-vv",)))
    assert len(quiet.err.splitlines()) == 1 < len(loud.err.splitlines())
    assert quiet.out == loud.out


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize(
    "argv",
    [
        ["ask", "exit.png", "What?"],
        ["caption", "exit.png"],
        ["plan", "exit.png"],
        ["prompts"],
        ["--help"],
        ["--version"],
    ],
)
def test_a_full_disk_is_code_6_in_one_sentence(smol_process, drawn, argv):
    words = [str(drawn / word) if word.endswith(".png") else word for word in argv]
    with open("/dev/full", "wb") as full:
        done = smol_process(*words, stdout=full)
    assert done.code == 6 and "No space left" in done.sentence


def test_a_closed_stdout_is_code_6_before_anything_is_read(drawn):
    line = f'{sys.executable} -m smolcli ask {drawn}/exit.png "What?" --stats >&-'
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 6 and "Standard output" in done.stderr and "stats" not in done.stderr
    assert len([text for text in done.stderr.splitlines() if "error" in text]) == 1


def test_a_closed_stderr_or_stdin_does_no_harm(smol, drawn):
    for redirection in ("2>&-", "<&-", "2>&- <&-"):
        line = f'{sys.executable} -m smolcli ask {drawn}/exit.png "What does the sign say?" {redirection}'
        done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stdout == smol("ask", drawn / "exit.png", "What does the sign say?").out


def test_everything_closed_still_writes_its_file(drawn, tmp_path):
    line = f'{sys.executable} -m smolcli ask {drawn}/exit.png "What?" -o {tmp_path}/out.txt >&- 2>&- <&-'
    assert subprocess.run(["sh", "-c", line], cwd=ROOT, check=False).returncode == 0
    assert (tmp_path / "out.txt").read_text().strip()


@pytest.mark.parametrize("argv", [["caption", "."], ["prompts"], ["--help"], ["plan", "exit.png"]])
def test_a_reader_that_goes_away_ends_it_quietly(drawn, argv):
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [*COMMAND, *argv, *(["-q"] if argv[0] in ("caption", "plan") else [])],
        cwd=drawn,
        stdout=writer,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        os.close(writer)
        err = process.stderr.read().decode()
        code = process.wait(60)
    # A folder that holds a locked PDF and a clip beside pictures: pictures alone are looked at.
    assert (code, err) == (141, "")


def test_output_goes_into_a_file_that_appears_whole(smol, drawn, tmp_path):
    out = tmp_path / "out.json"
    done = smol("docvqa", drawn / "doc.pdf", "--json", "-o", out, "--max-tokens", "2")
    assert done.code == 0 and done.out == "" and len(out.read_text().splitlines()) == 3
    assert os.listdir(tmp_path) == ["out.json"]
    assert out.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_existing_file_is_refused_before_anything_is_read_unless_forced(smol, drawn, tmp_path):
    out = tmp_path / "out.txt"
    out.write_text("precious")
    done = smol("ask", drawn / "exit.png", "What?", "-o", out)
    assert done.code == 6 and "--force" in done.sentence and out.read_text() == "precious"
    assert smol("ask", drawn / "exit.png", "What?", "-o", out, "--force").code == 0
    assert out.read_text() != "precious" and os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("name", ["nowhere/out.txt", "exit.png/out.txt", "folder", "x" * 300])
def test_what_cannot_be_written_is_code_6(smol, drawn, tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "exit.png").write_bytes(b"")
    done = smol("ask", drawn / "exit.png", "What?", "-o", tmp_path / name)
    assert done.code == 6 and done.sentence and sorted(os.listdir(tmp_path)) == ["exit.png", "folder"]


def test_nothing_is_left_behind_after_a_failure(smol, drawn, tmp_path):
    assert smol("ask", drawn / "nowhere.png", "What?", "-o", tmp_path / "out.txt").code == 3
    assert smol("plan", drawn / "nowhere.png", "-o", tmp_path / "out.txt").code == 3
    assert os.listdir(tmp_path) == []


def test_answers_before_a_partial_failure_are_kept(smol, drawn, tmp_path):
    done = smol("caption", drawn / "exit.png", drawn / "nowhere.png", "-o", tmp_path / "out.tsv")
    assert done.code == 1 and len((tmp_path / "out.tsv").read_text().splitlines()) == 1
    assert os.listdir(tmp_path) == ["out.tsv"]


def test_a_device_or_a_pipe_as_output_is_written_as_it_is(smol, drawn, tmp_path):
    assert smol("ask", drawn / "exit.png", "What?", "-o", os.devnull).code == 0
    assert not os.path.isfile(os.devnull)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as cat:
        assert smol("ask", drawn / "exit.png", "What?", "-o", pipe).code == 0
        assert cat.stdout.read().strip()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A PDF of 60 pages: long enough to be interrupted."""
    path = tmp_path_factory.mktemp("many") / "many.pdf"
    return draw_pdf(path, [{"size": (300, 300), "text": str(number), "height": 80} for number in range(60)])


def started(argv, **more):
    """A running smol whose first line of answers has come; (process, that line)."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, argv)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        **more,
    )
    return process, process.stdout.readline()


AGAIN = """
import os, subprocess, sys
from smolcli.cli import main
print("first", flush=False)
codes = [main(["prompts"]), os.write(1, b"a library\\n") and main(["prompts"]), os.system("echo a child")]
child = "import os; print([n for n in range(3, 20) if os.path.exists(f'/dev/fd/{n}')])"
subprocess.run([sys.executable, "-c", child], close_fds=False, check=True)
print(codes, sys.stdout is sys.__stdout__)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="Linux tells which descriptors are open")
@pytest.mark.parametrize("unbuffered", ["", "-u"])
def test_after_main_only_the_writer_has_stdout_and_no_child_inherits_it(smol, unbuffered):
    listed = smol("prompts").out
    done = subprocess.run(
        [sys.executable, *unbuffered.split(), "-c", AGAIN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"first\n{listed}{listed}[0, 0, 0] True\n"
    assert done.stderr == "a library\na child\n[]\n"


def test_a_library_user_keeps_his_descriptors(drawn):
    code = (
        "import os, sys\nbefore = [os.fstat(n).st_ino for n in (0, 1, 2)]\n"
        "from smolcli.engine import EngineOptions, load_engine\nfrom smolcli.media import MediaOptions, open_media\n"
        "from smolcli.models import builtin\n"
        "with load_engine(builtin(), EngineOptions()), open_media(sys.argv[1], MediaOptions()) as media:\n"
        "    list(media.frames())\n    assert [os.fstat(n).st_ino for n in (0, 1, 2)] == before\n"
        "os.write(1, b'mine')"
    )
    done = subprocess.run([sys.executable, "-c", code, drawn / "exit.png"], cwd=ROOT, capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"mine", b"", 0)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_stdout_by_its_name_as_a_device_is_stdout(smol_process, name):
    if not os.path.exists(name):
        pytest.skip(f"no {name} here")
    argv = ("plan", ROOT / "tests/golden/images/rgb.png", "What?")
    found, usual = smol_process(*argv, "-o", name), smol_process(*argv)
    assert found.code == 0 and "encodes" in found.out and found.out.splitlines()[0] == usual.out.splitlines()[0]


def test_ctrl_c_once_ends_after_the_current_answer(many):
    process, first = started(["docvqa", many, "What is written?", "--per-page", "--json", "-q"])
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=60)
    answers = [first, *rest.splitlines()]
    assert process.returncode == 130 and 1 <= len(answers) < 60
    assert all(line.startswith('{"schema"') and line.rstrip().endswith("}") for line in answers)
    assert "Traceback" not in err and err.splitlines()[0].startswith("smol: interrupted") and "error" not in err


def test_ctrl_c_twice_ends_at_once(many):
    process, _ = started(["docvqa", many, "What is written?", "--per-page", "-q"])
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)  # two of one kind that come together are one
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err and "error" not in err


def test_ctrl_c_leaves_no_file_and_says_that_what_was_finished_is_kept(many, tmp_path, tmp_path_factory, monkeypatch):
    """What was finished is not computed again, so that the file is whole sooner."""
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    argv = [*COMMAND, "docvqa", many, "What was it?", "--per-page", "-f", "jsonl", "-o", str(tmp_path / "out.json")]
    process = subprocess.Popen([*argv, "-v"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "answer about" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and os.listdir(tmp_path) == []
    [kept] = [line for line in err.splitlines() if "out.json" in line]
    assert "not written" in kept and "type the same again" in kept
    assert subprocess.run([*argv, "-q"], cwd=ROOT, check=False).returncode == 0
    records = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert len(records) == 60 and records[0]["cached"]


def test_ctrl_c_without_a_store_does_not_say_that_anything_is_kept(many, tmp_path):
    argv = [
        *COMMAND,
        "docvqa",
        many,
        "What is written?",
        "--per-page",
        "-o",
        str(tmp_path / "out.tsv"),
        "--no-store",
        "-v",
    ]
    process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "answer about" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143 and os.listdir(tmp_path) == []
    assert "not written" in err and "again to go on" not in err


def test_ctrl_c_before_any_answer_ends_at_once(drawn):
    process = subprocess.Popen(
        [*COMMAND, "ask", "-", "What?"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "built-in" in process.stderr.readline()  # it waits for its picture now
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_conversations_through_a_pipe_are_answered_as_they_come_and_ctrl_c_does_not_wait_for_the_next(drawn):
    media = [{"type": "image", "path": str(drawn / "exit.png"), "detail": "low"}]
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    line = json.dumps({"messages": messages, "media": media}) + "\n"
    words = ["ask", "--messages", "-", "-q", "--max-tokens", "2", "--no-store"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*COMMAND, *words], cwd=ROOT, text=True, bufsize=1, **pipes)
    process.stdin.write(line)
    first = process.stdout.readline()
    process.stdin.write("{x}\n" + line)
    assert "'line 2'" in process.stderr.readline()
    assert process.stdout.readline() == first != ""
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.stderr.read() == "" and process.wait(20) == 130
    process.stdin.close()


def test_a_background_job_that_ignores_ctrl_c_goes_on(drawn):
    process = subprocess.Popen(
        [*COMMAND, "ask", "-", "What?", "-q"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate((drawn / "exit.png").read_bytes(), timeout=60)
    assert (process.returncode, err) == (0, b"") and out.strip()


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("answered", [False, True])
def test_term_and_hup_end_a_run_as_ctrl_c_does(many, tmp_path, name, code, answered):
    out = tmp_path / "out" / "answers.txt"
    out.parent.mkdir()
    command = [*COMMAND, "docvqa", many, "What is written?", "--per-page", "-q", "-o", out]
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=subprocess.PIPE)
    while process.poll() is None and not any(path.stat().st_size or not answered for path in out.parent.iterdir()):
        time.sleep(0.005)  # until the hidden file is there, or has an answer
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    assert process.returncode == code
    assert list(out.parent.iterdir()) == []


def test_pictures_cannot_drive_the_terminal(smol, tmp_path):
    from smolcli.formats import escaped, printable

    assert printable("a\x1b[2Jb\x07\x9bc\r\nd\te") == "a[2Jbc\nd\te" and escaped("\x1b\x9b\r") == "\\x1b\\x9b\\r"
    name = tmp_path / "\x1b[2J.png"
    draw_text(name, "EXIT", (64, 64), 20)
    done = smol("ask", f"{name}x", "What?")
    assert done.code == 3 and "\x1b" not in done.err


def test_failures_as_lines_are_in_the_file_though_nothing_was_answered(smol, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"no picture")
    argv = ["caption", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "out"]
    assert smol(*argv).code == 3 and not (tmp_path / "out").exists()  # as text, they are said on stderr alone
    assert smol(*argv, "--json").code == 3
    records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [record["failure"]["place"] for record in records] == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
