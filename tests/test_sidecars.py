"""Files about inputs: what they are called, where they lie, what becomes of what is there."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.datatypes import Place, Sampling, Source
from smolcli.errors import MediaError, OutputError
from smolcli.files import OutputFile
from smolcli.formats import PLAIN, Beside, Form, Sidecar, SidecarNames, Sidecars, find_format
from smolcli.formats.naming import Extension
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words, failure
from smolcli.media import NamedInputs

TXT = Extension("txt")


def names(folder, inputs, *sources, extension=TXT):
    given = SidecarNames(folder, inputs)
    return [str(given.name(source, extension)[0]) for source in sources]


def answer(path, text, page=None, question="What?"):
    place = Place(Source(path, "image" if page is None else "page"), (page or 1) - 1, page=page)
    job = Job((place,), Question(Words(), question), Look(), Sampling())
    return Answer(job, ((place,),), "nano", Generation(0, text, "end", Counts(1, 1, 1), Seconds(), None))


class Written:
    """Sidecars and what they report."""

    def __init__(self, *formats, folder=None, inputs=(), force=False):
        self.failures, self.notes = [], []
        sidecars = tuple(Sidecar(found, found.extensions[0]) for found in map(find_format_beside, formats))
        wanted = Beside(sidecars, folder, inputs, NamedInputs(inputs).have, force)
        self.files = Sidecars(wanted, self.failures.append, self.notes.append)

    def take(self, *events, form=PLAIN):
        for event in events:
            self.files.take(event, form)
        return self

    def finish(self):
        self.files.finish()
        return self


def find_format_beside(word):
    from smolcli.formats import Allowed

    return find_format(word, Allowed(beside=True))


# ---- names


def test_a_file_has_the_stem_of_its_input_and_the_whole_name_where_another_one_has_that():
    inputs = ["d/a.jpg", "d/a.png", "d/A.gif", "a.jpg", "d/noextension", "d/b.tar.gz"]
    assert names(None, inputs, *inputs) == [
        "d/a.txt",
        "d/a.png.txt",
        "d/A.gif.txt",
        "a.txt",
        "d/noextension.txt",
        "d/b.tar.txt",
    ]
    assert names(None, [], "d/a.jpg", "d/a.png", extension=Extension("xmp", whole=True)) == [
        "d/a.jpg.xmp",
        "d/a.png.xmp",
    ]


def test_names_in_one_folder_that_clash_again_and_again_are_numbered(tmp_path):
    found = names("out", [], *(f"{folder}/a.jpg" for folder in "pqrst"))
    assert found == ["out/a.txt", "out/a.jpg.txt", "out/a.jpg.2.txt", "out/a.jpg.3.txt", "out/a.jpg.4.txt"]
    taken = names("out", [], "p/a.jpg.2", "p/a.jpg", "q/a.jpg", "r/a.jpg", "p/a.jpg.2.png")
    assert len(set(taken)) == 5


def test_the_tree_of_a_folder_is_mirrored_and_a_file_that_was_named_lies_at_the_top(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("scans/2020/x", "scans/sub"):
        os.makedirs(folder)
    sources = ["scans/a.jpg", "scans/2020/x/a.jpg", "other/b.jpg", "/etc/c.jpg", "../d.jpg", "-"]
    assert names("out", ["scans", "scans/sub"], *sources) == [
        "out/a.txt",
        "out/2020/x/a.txt",
        "out/b.txt",
        "out/c.txt",
        "out/d.txt",
        "out/stdin.txt",
    ]
    assert names("out", ["scans", "scans/sub"], "scans/sub/e.jpg") == ["out/e.txt"]  # the folder nearest to it
    assert names("out", ["."], "./scans/a.jpg") == ["out/scans/a.txt"]
    assert names("out", [f"{tmp_path}/scans/"], f"{tmp_path}/scans/sub/a.jpg") == ["out/sub/a.txt"]


def test_a_link_in_the_output_folder_leads_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("scans/sub")
    os.makedirs("out")
    os.symlink(tmp_path, "out/sub")
    with pytest.raises(OutputError, match="outside"):
        names("out", ["scans"], "scans/sub/a.jpg")


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=4))
def test_no_name_leads_out_of_the_output_folder(parts):
    source = "/".join(["..", *parts])
    found = SidecarNames("out", ["..", "/"]).name(source, TXT)[0]
    assert os.path.normpath(found).startswith("out" + os.sep), (source, found)


# ---- what is to be read is not written


def test_inputs_are_known_by_every_name_that_they_have(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "in/b.png", "in/sub/c.pdf", "in/notes.txt", "d.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (folder / "headless").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "soft").symlink_to("a.jpg")
    (tmp_path / "hard").hardlink_to(tmp_path / "a.jpg")
    (tmp_path / "into").symlink_to("in")
    (folder / "link.jpg").symlink_to("../d.jpg")
    inputs = NamedInputs([str(tmp_path / "a.jpg"), str(folder), "-", str(tmp_path / "nowhere"), "a\0b"])
    read = ("a.jpg", "soft", "hard", "in/b.png", "into/b.png", "in/sub/c.pdf", "in/headless", "in/link.jpg")
    assert [name for name in read if not inputs.have(tmp_path / name)] == []
    others = ("in/notes.txt", "nowhere", "in", "in/new.jpg", "d.jpg")
    assert [name for name in others if inputs.have(tmp_path / name)] == []
    assert inputs.lead_to(tmp_path / "d.jpg") and not inputs.lead_to(folder / "notes.txt")
    assert inputs.hold(folder / "out") and not inputs.hold(folder) and not inputs.hold(tmp_path / "out")
    assert NamedInputs([(tmp_path / "a.jpg").as_uri()]).have(tmp_path / "soft")
    assert not NamedInputs(["file://elsewhere/a.jpg"]).have(tmp_path / "soft")


# ---- files


def test_a_single_answer_stands_alone_and_several_have_page_and_question_above_them(tmp_path):
    path = str(tmp_path / "a.pdf")
    form = Form(columns=lambda found: (found.job.places[0].uri,))
    Written("text").take(answer(path, "one\n"), form=form).finish()
    assert (tmp_path / "a.txt").read_text() == "one\n"
    written = Written("text", "csv", force=True)
    written.take(answer(path, "one", 1), answer(path, "two", 2), answer(path, "three", 3), form=form).finish()
    assert (tmp_path / "a.txt").read_text() == "[page 1]\none\n[page 2]\ntwo\n[page 3]\nthree\n"
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "place,text",
        f"{path}#page=1,one",
        f"{path}#page=2,two",
        f"{path}#page=3,three",
    ]
    pages = [answer(path, "one", 1, "What?"), answer(path, "two", 1, "When?")]
    Written("text", force=True).take(*pages, form=Form(questions=2)).finish()
    assert (tmp_path / "a.txt").read_text() == "[page 1, What?]\none\n[page 1, When?]\ntwo\n"
    Written("text", force=True).take(answer(path, "one", 1), answer(path, "two", 2), form=Form(between="\f")).finish()
    assert (tmp_path / "a.txt").read_text() == "one\n\ftwo\n"


def test_a_file_is_there_when_the_next_input_begins_and_not_before(tmp_path):
    written = Written("text").take(answer(str(tmp_path / "a.pdf"), "one", 1), answer(str(tmp_path / "a.pdf"), "2", 2))
    assert not (tmp_path / "a.txt").exists()
    written.take(answer(str(tmp_path / "b.pdf"), "one", 1))
    assert (tmp_path / "a.txt").exists() and written.files.written == 1
    written.files.discard()
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_input_of_which_some_pages_failed_has_its_file_and_one_without_answers_has_none(tmp_path):
    path, other = str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf")
    broken = failure(path, MediaError("It is damaged."))
    written = Written("jsonl", "text")
    written.take(
        broken, answer(path, "two", 2), broken, answer(path, "4", 4), broken, failure(other, MediaError("No."))
    )
    written.finish()
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert ['"failure"' in line for line in lines] == [True, False, True, False, True]
    assert (tmp_path / "a.txt").read_text() == "[page 2]\ntwo\n[page 4]\n4\n"
    assert sorted(os.listdir(tmp_path)) == ["a.json", "a.txt"] and written.failures == []


def test_a_file_that_is_there_is_refused_for_its_input_alone_and_the_others_go_on(tmp_path):
    (tmp_path / "b.txt").write_text("precious")
    sources = [str(tmp_path / f"{name}.jpg") for name in "abc"]
    written = Written("csv", "text").take(*(answer(source, "x") for source in sources)).finish()
    assert sorted(os.listdir(tmp_path)) == [
        "a.csv",
        "a.txt",
        "b.txt",
        "c.csv",
        "c.txt",
    ]  # all about an input, or nothing
    [failed] = written.failures
    assert failed.source == sources[1] and failed.exit_code == 6 and "--force" in failed.hint
    assert (tmp_path / "b.txt").read_text() == "precious" and written.files.written == 2
    written = Written("text", force=True).take(answer(sources[1], "x")).finish()
    assert (tmp_path / "b.txt").read_text() == "x\n" and written.failures == []


def test_a_file_that_holds_the_very_same_is_fine_so_that_a_run_may_be_typed_again(tmp_path):
    for _ in range(2):
        written = Written("text").take(answer(str(tmp_path / "a.jpg"), "x")).finish()
        assert written.failures == [] and written.files.written == 1
    assert os.listdir(tmp_path) == ["a.txt"]


def test_records_that_differ_only_in_how_long_it_took_are_the_same(tmp_path):
    source, path = str(tmp_path / "a.jpg"), tmp_path / "a.json"
    Written("jsonl").take(answer(source, "x")).finish()
    before = path.read_text()
    cached = replace(answer(source, "x"), cached=True)
    assert Written("jsonl").take(cached).finish().failures == [] and path.read_text() == before
    for other in ("y", "x\n"):
        assert len(Written("jsonl").take(answer(source, other)).finish().failures) == 1
    others = (before + before, before + "null\n", before.replace('"counts": {', '"counts": 3, "c": {'))
    for mine in ("my notes", "[1]\n", "", "null\n", *others):
        path.write_text(mine)
        assert len(Written("jsonl").take(answer(source, "x")).finish().failures) == 1 and path.read_text() == mine


def test_of_a_name_that_is_not_as_usual_it_is_said_once(tmp_path):
    written = Written("text", "jsonl")
    written.take(*(answer(str(tmp_path / name), "x") for name in ("a.jpg", "a.png", "b.jpg"))).finish()
    [note] = written.notes
    assert "a.png.txt" in note and "a.png.json" in note and "b." not in note


def test_the_tree_is_made_when_there_is_something_in_it(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    out = tmp_path / "out"
    written = Written("text", folder=str(out), inputs=[str(tmp_path / "in")])
    assert not out.exists()
    written.take(answer(str(tmp_path / "in" / "sub" / "a.jpg"), "x")).finish()
    assert (out / "sub" / "a.txt").read_text() == "x\n"


def test_a_folder_that_cannot_be_made_is_a_failure_of_the_input(tmp_path):
    (tmp_path / "out").write_text("a file")
    written = Written("text", folder=str(tmp_path / "out")).take(answer("a.jpg", "x"), answer("b.jpg", "x")).finish()
    assert [failed.exit_code for failed in written.failures] == [6, 6]


def test_an_input_is_never_replaced_by_what_is_read_in_another(tmp_path):
    for name in ("a.png", "a.csv"):
        (tmp_path / name).write_bytes(b"x")
    inputs = [str(tmp_path / "a.png"), str(tmp_path / "a.csv")]
    written = Written("csv", inputs=inputs, force=True).take(answer(inputs[0], "x")).finish()
    assert "itself to be read" in written.failures[0].message and (tmp_path / "a.csv").read_bytes() == b"x"


# ---- what they stand on


def test_a_file_that_is_amended_is_read_first_and_not_replaced_where_it_has_changed(tmp_path):
    path = Path(tmp_path / "a.xmp")
    file = OutputFile(path, False, "amend")
    assert file.before == b""
    file.write_bytes(b"first")
    file.commit()
    path.chmod(0o600)
    (tmp_path / "link").symlink_to("a.xmp")
    file = OutputFile(tmp_path / "link", False, "amend")
    assert file.before == b"first"
    file.write_bytes(b"second")
    file.commit()
    assert path.read_bytes() == b"second" and path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "link").unlink()
    file = OutputFile(path, True, "amend")
    file.write_bytes(b"third")
    path.write_bytes(b"of another program")
    with pytest.raises(OutputError, match="meanwhile"):
        file.check()
    file.discard()
    assert path.read_bytes() == b"of another program" and os.listdir(tmp_path) == ["a.xmp"]
