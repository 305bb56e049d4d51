"""The recipe of the built-in model: its table, the worst answers, and what stands of them in the README."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from train_nano import report, samples  # noqa: E402
from train_nano.evaluate import CLASSES, Case, Result, Row, edit_distance, met  # noqa: E402
from train_nano.geometry import Layout  # noqa: E402

SHIPPED = ROOT / "examples/train_nano/smol-nano"
BUILTIN = ROOT / "smolcli/models/builtin"


def nano(*line):
    return subprocess.run(
        [sys.executable, ROOT / "examples/train_nano", *map(str, line)], capture_output=True, text=True
    )


def test_edit_distance_counts_characters():
    assert [edit_distance(*pair) for pair in (("", "abc"), ("abc", "abc"), ("kitten", "sitting"))] == [3, 0, 3]


def test_the_table_is_measured_through_the_pair_that_ships(tmp_path):
    pair = BUILTIN / "smol-nano-q8_0.gguf", BUILTIN / "mmproj-smol-nano-q8_0.gguf"
    classes = [f"--class={name}" for name in ("shape", "clip", "no text")]
    done = nano("evaluate", *pair, "--seen", "--cases", "2", *classes, "--json", tmp_path / "t.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "t.json").read_text())["rows"]
    assert [(row["name"], row["cases"]) for row in rows] == [("shape", 2), ("clip", 2), ("no text", 2)]
    assert all(0 <= row[key] <= 1 for row in rows for key in ("exact", "refused"))


def test_the_three_types_are_measured_beside_each_other(tmp_path):
    from train_nano.precision import Errors, line_of
    from train_nano.unpack import SHIPPED as PAIR
    from train_nano.unpack import unpack

    unpack(PAIR, tmp_path / "unpacked")
    done = nano("precision", tmp_path / "unpacked", "--seen", "--cases", "2")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["| F32", "| F16", "| Q8_0"]
    assert all(float(cell.rstrip("%")) >= 0 for row in rows for cell in row[1:3])
    exact = Errors("f32", (0.1, 0.2))
    assert "0.40 | 0.50 | met" in line_of(Errors("q8_0", (0.1, 0.204)), exact)
    assert "0.40 | 0.20 | missed" in line_of(Errors("f16", (0.096, 0.2)), exact)


def test_the_recipe_s_readme_names_every_file_and_verb_of_it():
    text = (ROOT / "examples/train_nano/README.md").read_text()
    files = {path.name for path in (ROOT / "examples/train_nano").glob("*.py")} - {"__init__.py"}
    assert not [name for name in files if f" {name} " not in text]
    verbs = nano("--help").stdout.split()
    known = {"train", "resume", "evaluate", "robustness", "precision", "export", "pack", "unpack", "preview"}
    assert known <= set(verbs) and known == {verb for verb in verbs if f"train_nano {verb} " in text}


def test_a_row_is_met_only_if_no_more_is_refused_than_may_be():
    (field,) = (kind for kind in CLASSES if kind.name == "field")
    rows = [Row("field", 200, 0.1, exact, refused) for exact, refused in ((0.9, 0.02), (0.9, 0.1), (0.7, 0.0))]
    assert [met(field, row) for row in rows] == [True, False, False]


def test_the_report_replaces_what_stands_between_the_marks(tmp_path):
    (tmp_path / "README.md").write_text(f"# A model\n\n{report.TABLE.begin}\nold\n{report.TABLE.end}\n\nThe end.\n")
    (tmp_path / "worst").mkdir()
    (tmp_path / "worst/99.png").write_bytes(b"of another time")
    sample = samples.draw(random.Random(1), "sign", Layout(2, 2))
    wrong = Case("What?", "one | two\n*three*", "<b>", 3)
    results = [Result(CLASSES[0], Row("line", 200, 0.25, 0.5, 0.0), [(wrong, sample)])]
    report.write(tmp_path, [BUILTIN / "smol-nano-q8_0.gguf"], results)
    written = (tmp_path / "README.md").read_text()
    assert written.startswith("# A model\n") and written.endswith("The end.\n") and "old" not in written
    assert "| line | 200 | 25.0% | 50.0% | 0.0% | 100.0% | CER ≤ 2% | missed |" in written and " MB" in written
    assert "one &#124; two<br>&#42;three&#42;" in written and "&lt;b&gt;" in written
    assert [path.name for path in (tmp_path / "worst").iterdir()] == ["01.png"]


def test_the_worst_answers_are_taken_from_the_classes_in_turn():
    results = []
    for number, kind in enumerate(CLASSES):
        cases = [(Case("q", "right", f"{kind.name} {n}", 5 - n), None) for n in range(4 if number else 1)]
        results.append(Result(kind, Row(kind.name, 9, 0.5, 0.5, 0.0), cases))
    said = [case.said for _, case, _ in report.worst(results)]
    assert said[:2] == ["line 0", "sign 0"] and said[len(CLASSES)] == "sign 1"
    assert len(said) == len(set(said)) == report.WORST


def test_one_part_of_the_readme_is_replaced_and_the_others_stay(tmp_path):
    parts = [f"{marks.begin}\n\nold\n\n{marks.end}" for marks in (report.TYPES, report.TABLE)]
    (tmp_path / "README.md").write_text("\n\n".join(["# A model", *parts, "The end.\n"]))
    report.put(tmp_path, report.TYPES, "new")
    assert (tmp_path / "README.md").read_text() == "\n\n".join(
        ["# A model", parts[0].replace("old", "new"), parts[1], "The end.\n"]
    )


def test_a_readme_without_the_marks_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SystemExit, match="put them in"):
        report.write(tmp_path, [], [])
    assert (tmp_path / "README.md").read_text() == "mine"


def test_the_shipped_model_s_readme_holds_its_table_and_twenty_worst_answers():
    text = (SHIPPED / "README.md").read_text()
    assert all(f"| {kind.name} | 200 |" in text for kind in CLASSES)
    assert all((SHIPPED / "worst" / f"{number:02d}.png").is_file() for number in range(1, report.WORST + 1))
    assert text.count("<img ") == report.WORST
    sizes = [f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in sorted(BUILTIN.glob("*.gguf"), reverse=True)]
    assert all(size in text for size in sizes)
    assert all(f"\n| {dtype} | " in text for dtype in ("F32", "F16", "Q8_0"))
