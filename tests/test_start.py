"""What is loaded for an answer, and what is not: a cold start has to be over before anyone notices."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gguf_convert.imports import bare_package
from smolcli.datatypes import ImagePart, TextPart, TilePlan, Turn
from smolcli.engine import DEFAULT_TEMPLATE, template_text

ROOT = Path(__file__).parent.parent
LATE = (
    "pydantic",
    "ssl",
    "jinja2",
    "yaml",
    "diskcache",
    "llama_cpp.llama_chat_format",
    "cv2",
    "pymupdf",
    "rich.progress",
    "httpx",
    "gguf.constants",
    "xml.parsers.expat",
    "urllib.request",
    "smolcli.extraction",
    "smolcli.cli._conversations",
    "smolcli.verbs.conversations",
    "smolcli.verbs.finding",
    "smolcli.verbs.outlines",
    "smolcli.verbs.video",
    "smolcli.formats.embedding",
    "smolcli.formats.sidecars",
    "smolcli.formats.saved_frames",
    "smolcli.media.arriving",
    "smolcli.media.folders",
    "smolcli.media.lists",
    "smolcli.media.windows",
    "smolcli.models.catalog",
    "smolcli.models.installed",
    "smolcli.store.ranking",
)
ASK = f"""
import sys
from smolcli.cli import main
assert main(["ask", "-q", "examples/signs/exit.png", "What does it say?", "--max-tokens", "1", "--detail", "low"]) == 0
print([name for name in {LATE!r} if name in sys.modules])
import gguf, llama_cpp
print(llama_cpp.Llama.__name__, gguf.GGUFReader.__name__, llama_cpp.llama_cpp is sys.modules["llama_cpp.llama_cpp"])
"""
LEAVING = """
import atexit, sys
from smolcli import cli

class Kept:
    def __del__(self):
        print("taken apart")

def main():
    sys.modules["kept"] = Kept()  # until the interpreter is taken apart
    atexit.register(print, "called")
    print("answer")
    return 7

cli.main = main
cli.entry()
"""
IMAGE = ImagePart(TilePlan((512, 512), (512, 512), (512, 512), 0, 0, 512, 64))
parts = st.one_of(st.just(IMAGE), st.text(max_size=5).map(TextPart))
turns = st.builds(
    Turn, st.sampled_from(["user", "assistant", "system", "TOOL_call"]), st.lists(parts, min_size=1).map(tuple)
)


def test_an_answer_loads_nothing_that_it_does_not_need_and_leaves_packages_whole():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[1:] == ["[]", "Llama GGUFReader True"]


@settings(deadline=None)  # the first one loads jinja2
@given(st.lists(turns, max_size=4), st.booleans())
def test_the_familys_template_is_written_as_jinja_renders_it(conversation, generate):
    by_jinja = template_text(DEFAULT_TEMPLATE + "{# as another template would be #}", conversation, generate)
    assert template_text(DEFAULT_TEMPLATE, conversation, generate) == by_jinja


def test_smol_leaves_with_its_exit_code_once_all_is_written_and_whoever_waits_for_the_end_has_been_called():
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout.split(), done.stderr, done.returncode) == (["answer", "called"], "", 7)


def test_a_picture_is_read_without_a_database_where_nothing_is_kept():
    code = ASK.replace('"-q",', '"-q", "--no-store",').replace(repr(LATE), repr(("sqlite3", "smolcli.store")))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[1] == "[]"


def test_a_module_of_a_package_is_imported_without_the_rest_and_the_package_stays_whole(tmp_path, monkeypatch):
    (tmp_path / "heavy_package").mkdir()
    (tmp_path / "heavy_package" / "__init__.py").write_text("from heavy_package import light\nwhole = True\n")
    (tmp_path / "heavy_package" / "light.py").write_text("value = object()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with bare_package("heavy_package"):
        from heavy_package import light  # type: ignore[import-not-found]
    assert "heavy_package" not in sys.modules
    import heavy_package

    assert heavy_package.whole and heavy_package.light is light
    with bare_package("heavy_package"):  # it is loaded by now
        assert sys.modules["heavy_package"] is heavy_package
    assert sys.modules["heavy_package"] is heavy_package


def test_a_package_that_is_not_there_is_missed_as_ever():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), bare_package("no_such_package"):
        import no_such_package  # noqa: F401
