"""--cluster: the jobs of a run on two real Ray nodes come to what they come to here; what is lost is read again."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from drawing import draw_text
from fakes.deadly import load_deadly, load_refusing
from fakes.engine import FACTS

from smolcli.datatypes import Sampling
from smolcli.engine import EngineOptions
from smolcli.errors import EngineError
from smolcli.jobs import Answer, Expected, Failure, Job, Look, Question, Words
from smolcli.models import builtin, carry_pair
from smolcli.reader import Keeping, Reader
from smolcli.run import Access, Crew, OpenFiles, Planned, RunOptions, Task, parse_cluster, run_there
from smolcli.verbs import caption

pytestmark = [  # it is imported where its processes are to listen on loopback alone
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (pip install 'smolcli[ray]')"),
    pytest.mark.skipif(sys.platform == "win32", reason="its nodes are Linux and macOS"),
]
WORDS = """Exit Coffee Library Bakery Hotel Museum Station Market Garden Office School Parking Taxi Bank Beach Bridge
    Castle Church Cinema Doctor Harbor Police Tickets Toilets"""  # the built-in model's captions are no close calls
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def nodes():
    """Two nodes on loopback, a processor each; the second is made anew for each test that ends it."""
    given = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_initial_delay_ms": "500",  # a node that is gone is missed sooner
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_timeout_ms": "1000",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        small = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=small)
        cluster.second = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
        cluster.again = lambda: cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signs")
    for number, word in enumerate(WORDS.split()):
        draw_text(folder / f"{number:02}.png", word, height=150)
    return folder


def captions(reader, folder):
    return caption(reader.files, [str(folder)], reader.template("caption", look=Look("low")), Access(), False)


def opened(cluster, keeping=None):
    return Reader(builtin(), EngineOptions(threads=1, parallel=2), keeping, RunOptions(), cluster)


def test_a_node_that_is_killed_in_mid_run_takes_nothing_with_it(nodes, signs, tmp_path):
    """Nothing is lost, nothing is said twice, and all of it is what one machine says; and the driver has kept it."""
    with opened(None) as here:
        expected = [(answer.job, answer.text, answer.shown) for answer in here.read(captions(here, signs))]
    said, notes = [], []
    keeping = Keeping(tmp_path / "store", 10**8)
    with opened(parse_cluster(nodes.address), keeping) as there:
        for event in there.stream(captions(there, signs)):
            notes += event.notes if isinstance(event, Expected) else ()
            said += [event] if isinstance(event, Answer | Failure) else []
            if len(said) == 3 and nodes.second is not None:
                nodes.remove_node(nodes.second, allow_graceful=False)
                nodes.second = None
    nodes.second = nodes.again()
    assert [(answer.job, answer.text, answer.shown) for answer in said] == expected
    assert len(expected) == len(WORDS.split()) and not any(answer.cached for answer in said)
    assert any("has ended: what it was reading is read again" in note for note in notes)
    with opened(None, keeping) as again:
        assert all(answer.cached for answer in again.read(captions(again, signs)))


@pytest.mark.parametrize(
    "words",
    [
        ["caption", "examples/signs"],
        ["ocr", "examples/letter.pdf", "--mode", "force", "-o", "-", "-f", "text", "--dpi", "100"],
        ["docvqa", "examples/invoices.pdf", "What is the total?"],
        ["video", "examples/clip.mp4", "What does it say?", "--json"],
    ],
    ids=lambda words: words[0],
)
def test_every_verb_says_what_it_says_here(smol, nodes, words, monkeypatch):
    monkeypatch.chdir(ROOT)

    def shown(result):
        if "--json" not in words:
            return result.out
        return [{**record, "seconds": None} for record in result.records]

    here, there = smol(*words, "-q"), smol(*words, "-q", "--cluster", nodes.address)
    assert (here.code, there.code, there.err) == (0, 0, "")
    assert shown(there) == shown(here) != ""


def test_what_the_nodes_do_not_see_is_sent(smol, nodes, monkeypatch):
    """A name that leads to the file in this process alone; and standard input, more than once."""
    monkeypatch.chdir(ROOT)
    with Path("examples/signs/exit.png").open("rb") as file:
        seen_here = f"/dev/fd/{file.fileno()}"
        there = smol("caption", "-q", seen_here, "--cluster", nodes.address)
    assert there.out == f'{seen_here}\tA sign that says "Exit".\n'


# ---- actors that end


def jobs_about(signs, files, words):
    """A job about each sign, whose question is a word."""
    for number, word in enumerate(words):
        with files.hold(str(signs / f"{number:02}.png"), Look("low"), Access()) as media:
            yield Job((media.places[0],), Question(Words(), word), Look("low"), Sampling(max_tokens=8))


def crew_of(nodes, load):
    task = Task(carry_pair(builtin()), EngineOptions(threads=1, parallel=2), RunOptions(), load)
    return Crew(parse_cluster(nodes.address), task)


def test_a_job_that_ends_three_actors_is_a_failure_and_the_others_are_answered(nodes, signs):
    """One ends its process, one its engine."""
    words = ["a", "b", "END", "c", "FAIL", "d", "e"]
    files = OpenFiles(FACTS, 1000)
    with crew_of(nodes, load_deadly) as crew:
        events = list(run_there(jobs_about(signs, files, words), crew, files, RunOptions()))
    said = [event for event in events if isinstance(event, Answer | Failure)]
    assert [event.job.question.text for event in said] == words
    ended, failed = (event for event in said if isinstance(event, Failure))
    assert (ended.source[-6:], failed.source[-6:], ended.exit_code) == ("02.png", "04.png", 7)
    begins = "3 actors of the cluster have ended while they read it: "
    assert ended.message == begins + "its process or its machine has ended."
    assert failed.message == begins + "llama.cpp failed (on purpose)."
    planned = [event.job.question.text for event in events if isinstance(event, Planned)]
    assert sorted(planned) == ["a", "b", "c", "d", "e"]


def test_nodes_that_cannot_read_with_the_model_end_the_run_with_their_sentence(nodes, signs):
    files = OpenFiles(FACTS, 1000)
    with (
        pytest.raises(EngineError, match="cannot read with this model: It is of no kind that is known here"),
        crew_of(nodes, load_refusing) as crew,
    ):
        list(run_there(jobs_about(signs, files, ["a"]), crew, files, RunOptions()))


def test_nodes_with_another_smolcli_are_refused_with_both_versions(smol, nodes, monkeypatch):
    monkeypatch.setattr("smolcli.run.cluster.crew.__version__", "9.9.9")
    said = smol("caption", "-q", ROOT / "examples" / "signs", "--cluster", nodes.address)
    assert said.code == 7 and said.out == ""
    assert re.match(r"The node [\w.:]+ has smolcli [\d.]+, and here it is 9\.9\.9\. Install", said.sentence)
