"""What --cluster says, and what is said where it cannot be had; no cluster is started for it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from smolcli.errors import UsageError
from smolcli.run import Cluster, parse_cluster

ROOT = Path(__file__).parent.parent
RAY = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (pip install 'smolcli[ray]')")
SIGN = str(ROOT / "examples" / "sign.jpg")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("local", Cluster("local", 2)),
        ("local:3", Cluster("local", 3)),
        ("local,actors=4", Cluster("local", 4)),
        ("local:2,gpus=0.5", Cluster("local", 2, 0.5)),
        ("auto", Cluster("auto")),
        ("10.0.0.5:6379", Cluster("10.0.0.5:6379")),
        ("head.example.org:6379, actors=2, gpus=0", Cluster("head.example.org:6379", 2, 0.0)),
        ("[::1]:6379,gpus=2", Cluster("[::1]:6379", None, 2.0)),
    ],
)
def test_an_address_and_how_its_nodes_are_used(text, means):
    assert parse_cluster(text) == means


def test_the_endpoint_of_an_address_is_what_is_to_answer():
    assert Cluster("[::1]:6379").endpoint == ("::1", 6379)
    assert Cluster("head:6379").endpoint == ("head", 6379)
    assert Cluster("auto").endpoint is Cluster("local").endpoint is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no address"),
        ("10.0.0.5", "no address"),
        ("10.0.0.5:0", "no address"),
        ("10.0.0.5:70000", "no address"),
        ("http://10.0.0.5:6379", "no address"),
        ("ray://10.0.0.5:10001", "no address"),
        ("local:x", "no address"),
        ("local:0", "1 to 512"),
        ("local:2,actors=3", "says twice"),
        ("auto,actors=", "'actors=' is not actors=N"),
        ("auto,actors=1,actors=2", "each once"),
        ("auto,actors=1.5", "a whole number"),
        ("auto,gpus=1.5", "a part of one"),
        ("auto,gpus=-1", "a part of one"),
        ("auto,gpus=nan", "a part of one"),
        ("auto,gpus=inf", "a part of one"),
        ("auto,cpus=2", "is not actors=N or gpus=X"),
    ],
)
def test_what_is_no_cluster_is_a_sentence_with_a_way_out(text, why):
    with pytest.raises(UsageError, match=re.escape(why)) as caught:
        parse_cluster(text)
    assert caught.value.hint.startswith("Write local:2")


def test_a_wrong_address_is_said_before_a_model_is_looked_for(smol):
    said = smol("caption", "-m", "nowhere.gguf", SIGN, "--cluster", "nowhere")
    assert said.code == 2 and "'nowhere' is no address" in said.sentence


def test_without_ray_the_command_that_installs_it_is_named():
    words = ["caption", SIGN, "-q", "--cluster", "local"]
    code = f"import sys; sys.modules['ray'] = None\nfrom smolcli.cli import main\nsys.exit(main({words}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    wanted = "smol: error: --cluster needs Ray, which is not installed. Get it with: pip install 'smolcli[ray]'\n"
    assert done.stderr == wanted


@pytest.fixture
def peer():
    """A server that accepts and says some bytes, or nothing; its port."""
    servers = []

    def start(reply: bytes | None):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            while True:
                try:
                    connected, _ = server.accept()
                except OSError:
                    return
                if reply is not None:
                    connected.sendall(reply)
                    connected.close()
                else:
                    servers.append(connected)

        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    yield start
    for each in servers:
        each.close()


@RAY
@pytest.mark.parametrize(
    ("reply", "why"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no Ray cluster"), (None, "does not answer: timed out")],
    ids=["web server", "silent"],
)
def test_what_answers_otherwise_or_not_at_all_is_a_sentence_soon(smol, peer, reply, why):
    start = time.monotonic()
    said = smol("caption", "-q", SIGN, "--cluster", f"127.0.0.1:{peer(reply)}")
    assert said.code == 7 and why in said.sentence
    assert time.monotonic() - start < 30  # Ray itself would take two minutes


@RAY
def test_a_port_that_is_closed_and_a_host_that_is_none_are_sentences(smol):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = smol("caption", "-q", SIGN, "--cluster", f"127.0.0.1:{port}")
    assert said.code == 7 and "does not answer: Connection refused" in said.sentence
    assert "ray status" in said.sentence
    said = smol("caption", "-q", SIGN, "--cluster", "no-such-host.invalid:6379")
    assert said.code == 7 and "does not answer" in said.sentence
