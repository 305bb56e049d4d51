"""--sidecar, --output-dir: a file for each input; and outputs that are themselves to be read."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from drawing import draw_pdf, draw_text

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "smolcli"]
SHORT = ("--max-tokens", "3")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png"):
        draw_text(folder / name, Path(name).stem.upper(), (64, 64), 40)
    shutil.copy(folder / "a.png", folder / "a.jpg")
    return folder


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_stands_beside_each_input_and_nothing_comes_out(smol, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOL_STORE", "on")
    monkeypatch.setenv("SMOL_CACHE_DIR", str(tmp_path / "cache"))
    done = smol("caption", "-r", photos, "--sidecar", "txt,json,xmp", *SHORT)
    assert (done.code, done.out) == (0, "")
    made = [f"a{end}" for end in (".jpg.xmp", ".json", ".png.json", ".png.txt", ".png.xmp", ".txt")]
    made += ["b.json", "b.png.xmp", "b.txt", "sub/c.json", "sub/c.png.xmp", "sub/c.txt"]
    assert tree(photos) == sorted(["a.jpg", "a.png", "b.png", "sub/c.png", *made])
    assert [line for line in done.err.splitlines() if "a.png.txt" in line and "a.png.json" in line]
    record = json.loads((photos / "sub" / "c.json").read_text())
    assert (photos / "sub" / "c.txt").read_text() == record["text"] + "\n"
    before = {name: (photos / name).read_bytes() for name in tree(photos)}
    assert smol("caption", "-r", photos, "--sidecar", "txt,json,xmp", *SHORT).code == 0  # typed again, nothing changes
    assert {name: (photos / name).read_bytes() for name in tree(photos)} == before
    (photos / "b.txt").write_text("precious")
    for more in (("--sidecar", "txt"), ("--sidecar", "txt,xmp"), ("--sidecar", "txt", "-o", tmp_path / "all.tsv")):
        done = smol("caption", "-r", photos, *more, *SHORT)
        assert done.code == 0 and (photos / "b.txt").read_text() == "precious"
    assert len((tmp_path / "all.tsv").read_text().splitlines()) == 4
    assert smol("docvqa", photos / "b.png", "What?", "--sidecar", "txt", *SHORT).code == 6
    assert smol("caption", photos / "b.png", "--sidecar", "txt", "--force", *SHORT).code == 0
    assert (photos / "b.txt").read_text() != "precious"


def test_a_folder_has_the_tree_of_the_inputs_and_o_writes_all_of_them_at_the_same_time(
    smol, smol_process, photos, tmp_path
):
    out = tmp_path / "out" / "deep"
    done = smol("caption", "-r", photos, "--output-dir", out, "-f", "csv", "-o", tmp_path / "all.tsv", *SHORT)
    assert (done.code, done.out) == (0, "")
    assert tree(out) == ["a.csv", "a.png.csv", "b.csv", "sub/c.csv"]
    assert len((tmp_path / "all.tsv").read_text().splitlines()) == 4
    done = smol("caption", photos / "b.png", "--output-dir", out, "--sidecar", "txt", "-f", "jsonl", *SHORT)
    assert (out / "b.txt").read_text() == json.loads(done.out)["text"] + "\n"
    done = smol_process("caption", "-", "--output-dir", out, *SHORT, stdin=(photos / "b.png").read_bytes())
    assert (done.code, done.out) == (0, "") and (out / "stdin.txt").read_text() == (out / "b.txt").read_text()


def test_pages_of_a_document_are_in_one_file_and_a_damaged_input_has_none(smol, tmp_path):
    draw_pdf(tmp_path / "a.pdf", [{"size": (200, 200), "text": str(n), "height": 80} for n in range(2)])
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 damaged")
    done = smol(
        "docvqa",
        tmp_path / "a.pdf",
        tmp_path / "b.pdf",
        "What is written?",
        "--per-page",
        "--sidecar",
        "txt,jsonl",
        *SHORT,
    )
    assert done.code == 1 and done.out == "" and "b.pdf" in done.err
    assert tree(tmp_path) == ["a.jsonl", "a.pdf", "a.txt", "b.pdf"]
    assert [line for line in (tmp_path / "a.txt").read_text().splitlines() if line[0] == "["] == [
        "[page 1]",
        "[page 2]",
    ]
    assert [json.loads(line)["page"] for line in (tmp_path / "a.jsonl").read_text().splitlines()] == [1, 2]


def test_an_xmp_file_keeps_what_is_in_it(smol, photos):
    (photos / "b.png.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>'
    )
    assert smol("caption", photos / "b.png", "--sidecar", "xmp", *SHORT).code == 0
    found = (photos / "b.png.xmp").read_text()
    assert 'xmp:Rating="5"' in found and "dc:description" in found
    (photos / "b.png.xmp").write_text('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    done = smol("caption", photos / "b.png", "--sidecar", "xmp", *SHORT)
    assert done.code == 6 and "document type" in done.err and (photos / "b.png.xmp").read_text().startswith("<!DOC")


def test_whole_pages_are_written_beside_scans_and_a_pdf_that_cannot_be_made_is_one_failure(smol, photos, tmp_path):
    import pymupdf

    with pymupdf.open() as born:
        born.new_page(width=200, height=100).insert_text((20, 50), "BORN DIGITAL")
        born.save(photos / "sub" / "d.pdf")
    out = tmp_path / "out"
    done = smol("ocr", "-r", photos, "--output-dir", out, "--sidecar", "pdf,md,json")
    assert done.code == 1 and "--mode" in done.err and "itself" not in done.err
    made = [f"{name}.{end}" for name in ("a", "a.png", "b", "sub/c") for end in ("json", "md", "pdf")]
    assert tree(out) == sorted(made)
    done = smol("ocr", "-r", photos, "--output-dir", out, "--sidecar", "pdf,md,json", "--mode", "skip")
    assert done.code == 0 and tree(out) == sorted([*made, "sub/d.json", "sub/d.md", "sub/d.pdf"])
    assert "BORN DIGITAL" in (out / "sub" / "d.md").read_text()
    assert (out / "a.pdf").read_bytes().startswith(b"%PDF")
    done = smol("ocr", photos, "--output-dir", photos / "out", "-f", "pdf")
    assert done.code == 2 and "would be read too" in done.sentence


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["caption", "photos", "--sidecar", "pptx"], "Known are text, tsv, csv, jsonl, xmp"),
        (["caption", "photos", "--sidecar", "txt,"], "Known are text"),
        (["caption", "photos", "-f", "xmp"], "--sidecar xmp"),
        (["caption", "photos", "--sidecar", "txt", "--unordered"], "--unordered"),
        (["caption", "-", "--sidecar", "txt"], "--output-dir"),
        (["caption", "photos", "--output-dir", "photos/a.png"], "not a folder"),
        (["ask", "photos/a.png", "photos/b.png", "Same?", "--sidecar", "txt"], "docvqa"),
        (["ask", "--messages", "m.json", "--output-dir", "out"], "conversation"),
        (["caption", "photos", "-o", "photos/a.png", "--force", "-f", "tsv"], "itself to be read"),
        (["caption", "photos", "-o", "photos/a.png", "-f", "tsv"], "itself to be read"),
        (["caption", "photos/a.png", "-o", "link", "--force"], "itself to be read"),
        (["caption", "photos", "-o", "link", "--force"], "itself to be read"),
        (["ask", "photos/a.png", "What?", "-o", "hard", "--force"], "itself to be read"),
        (["plan", "photos/a.png", "-o", "photos/../photos/a.png", "--force"], "itself to be read"),
        (["docvqa", "x.csv", "x.png", "What?", "--sidecar", "csv", "--force"], "itself to be read"),
        (["ask", "--messages", "m.json", "-o", "link", "--force"], "itself to be read"),
        (["plan", "--messages", "m.json", "-o", "link", "--force"], "itself to be read"),
        (["ask", "--messages", "m.json", "-o", "m.json", "--force"], "itself to be read"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(smol, photos, tmp_path, monkeypatch, argv, says):
    monkeypatch.chdir(tmp_path)
    os.symlink("photos/a.png", "link")
    os.link("photos/a.png", "hard")
    shutil.copy("photos/b.png", "x.csv")
    shutil.copy("photos/b.png", "x.png")
    url = {"type": "image_url", "image_url": {"url": (photos / "a.png").as_uri()}}
    Path("m.json").write_text(json.dumps({"messages": [{"role": "user", "content": [url]}]}))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = smol(*argv)
    assert done.code == 2 and says in done.sentence
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_of_a_run_that_is_interrupted_the_files_of_finished_inputs_stay_and_are_whole(tmp_path):
    for number in range(40):
        draw_text(tmp_path / f"{number:02}.png", str(number), (64, 64), 40)
    argv = [*COMMAND, "caption", str(tmp_path), "--sidecar", "txt", "--parallel", "1", *SHORT]
    process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob("*.txt")):
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    made = [name for name in os.listdir(tmp_path) if not name.endswith(".png")]
    assert process.returncode == 130 and 1 <= len(made) < 40 and all(name.endswith(".txt") for name in made)
    assert all((tmp_path / name).read_text().endswith("\n") for name in made)
    assert f"inputs whose files are written: {len(made)}" in err
