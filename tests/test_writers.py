"""Writers: what an answer looks like in every format, how formats are found, and all outputs of a run."""

import csv
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolcli.datatypes import Place, Sampling, Source
from smolcli.errors import MediaError, OutputError, UsageError
from smolcli.formats import (
    FORMATS,
    PLAIN,
    Allowed,
    CsvWriter,
    Form,
    Format,
    JsonWriter,
    LineWriter,
    Outputs,
    TextWriter,
    Wanted,
    escaped,
    find_format,
    format_of_file,
    printable,
    to_json,
)
from smolcli.generation import Counts, Generation, Seconds
from smolcli.jobs import Answer, Job, Look, Question, Words, failure
from smolcli.regions import PageReading, Region

PAGE = Place(Source("a.pdf", "page", "0" * 64), 2, page=3)


def answer(text="42", place=PAGE, **more):
    generation = Generation(0, text, "end", Counts(9, 4, 2), Seconds(), -0.5)
    job = Job((place,), Question(Words(), "What?", name="ask"), Look(), Sampling())
    return Answer(job, ((place,),), "nano", generation, **more)


class Memory:
    """A target that keeps what it gets."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def write_bytes(self, data):
        self.text += data.decode()

    def commit(self):
        pass

    def discard(self):
        pass


def written(make, *answers):
    target = Memory()
    writer = make(target)
    for item in answers:
        writer.answer(item)
    writer.finish()
    return target.text


def test_text_is_the_answer_and_a_line_break():
    assert written(TextWriter, answer("a\nb"), answer("")) == "a\nb\n\n"


def test_headings_say_the_page():
    assert (
        written(lambda target: TextWriter(target, Form(heading=lambda found: found.places[0].label)), answer("x"))
        == "[page 3]\nx\n"
    )


def test_pieces_are_shown_as_they_come_and_the_answer_only_ends_their_line():
    target = Memory()
    writer = TextWriter(target)
    for piece in ("4", "2\x1b"):
        writer.piece(piece)
    assert target.text == "42"
    writer.answer(answer("42\x1b"))
    writer.answer(answer("next"))
    assert target.text == "42\nnext\n"


def test_an_answer_that_broke_off_has_its_line_ended():
    target = Memory()
    writer = TextWriter(target)
    writer.broke_off()
    writer.piece("half")
    writer.broke_off()
    assert target.text == "half\n"


def test_lines_keep_to_one_line_and_two_columns():
    text = written(
        lambda target: LineWriter(target, Form(columns=lambda found: ("a\tb\n\\c\x1b",))), answer("x\ty\n\n z\x07 ")
    )
    assert text == "a\\tb\\n\\\\c\\x1b\tx y z\n"


def test_csv_names_its_columns_and_keeps_line_breaks_and_commas():
    form = Form(columns=lambda found: (found.places[0].label, found.question), questions=2)
    text = written(lambda target: CsvWriter(target, form), answer('a,"b"\nc\x1b'), answer("d"))
    assert list(csv.reader(io.StringIO(text))) == [
        ["place", "question", "text"],
        ["page 3", "What?", 'a,"b"\nc'],
        ["page 3", "What?", "d"],
    ]


def test_lines_of_a_form_without_columns_begin_with_the_place_and_the_question_where_there_are_several():
    assert written(lambda target: LineWriter(target, PLAIN), answer("x")) == "a.pdf#page=3\tx\n"
    assert written(lambda target: LineWriter(target, Form(questions=2)), answer("x")) == "a.pdf#page=3\tWhat?\tx\n"


def test_text_of_a_form_with_columns_has_them_above_each_answer():
    form = Form(columns=lambda found: (found.places[0].label, found.question))
    assert written(lambda target: TextWriter(target, form), answer("x\n\n")) == "[page 3, What?]\nx\n"


def test_pages_of_text_have_what_the_form_says_between_them_also_where_they_are_streamed():
    assert written(lambda target: TextWriter(target, Form(between="\f")), answer("a"), answer("b")) == "a\n\fb\n"
    target = Memory()
    writer = TextWriter(target, Form(between="\f"))
    for text in ("ab", "cd"):
        writer.piece(text[0])
        writer.piece(text[1])
        writer.answer(answer(text))
    assert target.text == "ab\n\fcd\n"


def test_a_format_is_found_by_its_name_and_by_every_extension_and_no_two_share_one():
    for allowed in (Allowed(), Allowed(pages=True), Allowed(beside=True), Allowed(True, True)):
        for each in (found for found in FORMATS if allowed.has(found) and found.needs is None):
            for word in (each.name, *each.extensions, f".{each.extensions[0]}", f" {each.name.upper()} "):
                found = find_format(word, allowed)
                assert found == each or (found.pages and not each.pages), word
    for kind in ((False, False), (True, False), (False, True)):
        ends = [end for each in FORMATS if (each.pages, each.clips) == kind for end in {each.name, *each.extensions}]
        assert len(ends) == len(set(ends))


@pytest.mark.parametrize("word", ["pptx", "", "text,tsv", "../text"])
def test_a_format_that_is_not_known_is_an_error_that_lists_those_that_are(word):
    with pytest.raises(UsageError, match=r"Known are text, tsv, csv, jsonl"):
        find_format(word)


def test_a_format_of_one_input_is_only_written_beside_it():
    with pytest.raises(UsageError, match="--sidecar xmp"):
        find_format("xmp", Allowed(pages=True))
    with pytest.raises(UsageError, match="--sidecar xmp"):
        format_of_file("a.xmp")
    assert find_format("xmp", Allowed(beside=True)).about_one


def test_a_format_of_pages_is_found_where_pages_are_read_and_goes_first_there(monkeypatch):
    own = Format("tsv", ("tsv",), FORMATS[1].make, pages=True), Format("hocr", ("hocr",), FORMATS[1].make, pages=True)
    others = (each for each in FORMATS if not each.pages)
    monkeypatch.setattr("smolcli.formats.table.FORMATS", (*others, *own))
    assert find_format("tsv", Allowed(pages=True)) is own[0] and not find_format("tsv").pages
    assert format_of_file("a.hocr", Allowed(pages=True)) is own[1]
    with pytest.raises(UsageError, match="smol ocr"):
        find_format("hocr")


def test_the_extension_of_a_file_says_its_format():
    assert format_of_file("a/b.TSV").name == "tsv" and format_of_file("answers") is None
    assert format_of_file("csv") is None and format_of_file("a.b.csv").name == "csv"
    assert format_of_file(".txt") is None and format_of_file("a.b/c") is None
    with pytest.raises(UsageError, match=r"Known are \.txt, .*\.csv.* -f FORMAT"):
        format_of_file("a.pptx")


def test_answers_go_into_every_output_and_files_appear_together_with_the_end(tmp_path, capsys):
    wanted = [Wanted(None, "-"), Wanted(find_format("csv"), str(tmp_path / "a.csv"))]
    wanted.append(Wanted(find_format("jsonl"), str(tmp_path / "a.json")))
    outputs = Outputs(wanted, force=False)
    outputs.answer(answer("x"), PLAIN)
    assert outputs.failure(failure("b.pdf", MediaError("It is empty.")), PLAIN)
    assert not [name for name in os.listdir(tmp_path) if not name.startswith(".")]
    outputs.finish()
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.json"] and capsys.readouterr().out == "x\n"
    assert (tmp_path / "a.csv").read_text() == "place,text\na.pdf#page=3,x\n"
    assert ["text" in json.loads(line) for line in (tmp_path / "a.json").read_text().splitlines()] == [True, False]


def test_outputs_of_a_run_that_breaks_off_leave_nothing_and_so_do_those_that_cannot_all_be_made(tmp_path):
    outputs = Outputs([Wanted(None, str(tmp_path / "a"))], force=False)
    outputs.answer(answer("x"), PLAIN)
    outputs.broke_off()
    outputs.discard()
    with pytest.raises(OutputError):
        Outputs([Wanted(None, str(tmp_path / "a")), Wanted(None, str(tmp_path / "nowhere" / "b"))], force=False)
    assert os.listdir(tmp_path) == []


@given(st.text(), st.text())
def test_any_label_and_text_stay_on_one_line(label, text):
    line = written(lambda target: LineWriter(target, Form(columns=lambda _: (label,))), answer(text))
    assert line.endswith("\n") and "\n" not in line[:-1] and line.count("\t") == 1 and "\x1b" not in line


@given(st.text())
def test_an_escaped_name_can_be_read_back(name):
    named = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
    back, rest = "", escaped(name)
    while rest:
        if rest[:2] in named:
            back, rest = back + named[rest[:2]], rest[2:]
        elif rest.startswith("\\x"):
            back, rest = back + chr(int(rest[2:4], 16)), rest[4:]
        else:
            back, rest = back + rest[0], rest[1:]
    assert back == name


def test_a_record_is_what_is_documented():
    record = json.loads(written(JsonWriter, answer(warnings=("careful.",))))
    assert record == {
        "schema": 1,
        "model": "nano",
        "key": answer().job.key("nano"),
        "prompt": "ask",
        "media": [{"kind": "page", "source": "a.pdf", "sha256": "0" * 64, "page": 3}],
        "page": 3,
        "question": "What?",
        "text": "42",
        "stop_reason": "end",
        "mean_logprob": -0.5,
        "counts": {"prompt_tokens": 9, "image_tokens": 4, "new_tokens": 2, "cached_tokens": 0, "encodes": 0},
        "seconds": {"preprocess": 0.0, "encode": 0.0, "prefill": 0.0, "decode": 0.0},
        "cached": False,
        "warnings": ["careful."],
    }


def test_a_failure_is_a_record_in_json_and_nothing_in_text_or_lines():
    error, target = MediaError("It is empty.", "Get it again."), Memory()
    failed = failure("a.pdf", error, PAGE)
    assert JsonWriter(target).failure(failed)
    assert json.loads(target.text) == {
        "schema": 1,
        "failure": {
            "source": "a.pdf",
            "place": "a.pdf#page=3",
            "error": "MediaError",
            "message": "It is empty.",
            "hint": "Get it again.",
            "exit_code": 3,
        },
    }
    target = Memory()
    assert not TextWriter(target).failure(failed) and not LineWriter(target, PLAIN).failure(failed)
    assert target.text == ""


def test_the_seed_is_said_where_words_were_drawn():
    assert json.loads(written(JsonWriter, answer(seed=7)))["seed"] == 7
    assert "seed" not in json.loads(written(JsonWriter, answer()))


def test_a_page_that_was_read_whole_has_its_regions_as_shares_of_the_page():
    word = Region("word", (0.1, 0.2, 0.05, 0.01), "Total", 0.98765432)
    cell = Region("cell", (0.5, 0.5, 0.25, 0.1), "9", None, row=1, column=2, column_span=3)
    blocks = (
        Region("heading", (0.1, 0.1, 0.8, 0.05), "Bill", 0.5, level=1),
        Region(
            "paragraph", (0.1, 0.2, 1 / 3, 0.01), "Total", 0.9, (Region("line", (0, 0, 1, 1), "Total", 1, (word,)),)
        ),
        Region("table", (0.5, 0.5, 0.5, 0.5), "9", None, (cell,)),
    )
    record = json.loads(written(JsonWriter, answer(page=PageReading("mixed", blocks, (100, 200), 90, -0.1234567))))
    assert (record["text_from"], record["rotation"], record["skew"]) == ("mixed", 90, -0.123)
    heading, paragraph, table = record["regions"]
    box = [0.1, 0.1, 0.8, 0.05]
    assert heading == {"kind": "heading", "text": "Bill", "box": box, "confidence": 0.5, "level": 1}
    assert paragraph["box"] == [0.1, 0.2, 0.33333, 0.01]
    assert paragraph["children"][0]["children"] == [
        {"kind": "word", "text": "Total", "box": [0.1, 0.2, 0.05, 0.01], "confidence": 0.9877}
    ]
    spans = {"row": 1, "column": 2, "row_span": 1, "column_span": 3}
    box = [0.5, 0.5, 0.25, 0.1]
    assert table["children"] == [{"kind": "cell", "text": "9", "box": box, "confidence": None, **spans}]
    blank = json.loads(written(JsonWriter, answer(page=PageReading("", (), (1, 1)))))
    assert (blank["text_from"], blank["regions"], blank["rotation"], blank["skew"]) == ("", [], 0, 0.0)


def test_evidence_data_and_choices_are_there_where_there_are_any():
    place = Place(PAGE.source, 2, page=3, box=(0.05, 0.12, 0.9, 0.03))
    found = answer(evidence=(place, PAGE), data={"total": None}, choices={"yes": 0.75, "no": 0.25})
    record = json.loads(written(JsonWriter, found))
    assert record["evidence"] == [
        {"uri": "a.pdf#page=3&xywh=percent:5,12,90,3", "page": 3, "box": [0.05, 0.12, 0.9, 0.03]},
        {"uri": "a.pdf#page=3", "page": 3},
    ]
    assert record["data"] == {"total": None} and record["choices"] == {"yes": 0.75, "no": 0.25}
    assert json.loads(written(JsonWriter, answer(data=[], choices={})))["data"] == []


@given(st.text())
def test_a_record_is_one_line_whatever_it_holds(text):
    line = to_json({"text": text + "\udcff"})
    assert len(line.splitlines()) == 1 and line.isprintable() and json.loads(line) == {"text": text + "\udcff"}


def test_text_without_control_characters_is_untouched():
    assert printable("ä 日本\n\t½") == "ä 日本\n\t½"
