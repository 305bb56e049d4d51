"""Files under any name: none of the native decoders crashes on one that is no UTF-8, and no link is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawing import draw_clip
from PIL import Image
from test_media import refused

from smolcli.models import builtin


def names(folder: bytes) -> dict[str, bytes]:
    """Names that files have in old archives, on other machines and by mistake."""
    return {
        "latin-1": os.path.join(folder, b"caf\xe9"),
        "in a latin-1 folder": os.path.join(folder, b"d\xe9j\xe0", b"plain"),
        "surrogates": os.path.join(folder, b"\xed\xa0\x80\xed\xb0\x80"),
        "control characters": os.path.join(folder, b"a\x1b[31m\nb"),
        "emoji": os.path.join(folder, "🎬 été".encode()),
        "NUL": os.path.join(folder, b"a\0b"),
        "300 characters": os.path.join(folder, b"x" * 300),
    }


READ = """
import os, sys
from smolcli.errors import SmolError
from smolcli.media import open_media, MediaOptions
for name in map(bytes.fromhex, sys.argv[1:]):
    try:
        with open_media(os.fsdecode(name), MediaOptions()) as media:
            print(sum(1 for frame in media.frames()), "read", flush=True)
    except SmolError as error:
        print(error.exit_code, error, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
@pytest.mark.parametrize("door", ["clip.mp4", "page.pdf", "photo.png"])
def test_a_file_of_any_name_is_read_or_refused_and_nothing_crashes(tmp_path, door):
    Image.new("RGB", (60, 40), "red").save(tmp_path / "photo.png")
    Image.new("RGB", (60, 40), "red").save(tmp_path / "page.pdf")
    draw_clip(tmp_path / "clip.mp4", 10)
    (tmp_path / "t").mkdir()
    wanted, given = [], []
    for kind, stem in names(os.fsencode(tmp_path)).items():
        name = stem + os.path.splitext(door)[1].encode()
        given.append(name.hex())
        try:
            os.makedirs(os.path.dirname(name), exist_ok=True)
            shutil.copy(tmp_path / door, name)
            wanted.append("1 read")
        except (OSError, ValueError):  # no file can have it
            wanted.append("3 '")
            assert kind in ("NUL", "300 characters") or sys.platform == "darwin"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "t")}
    command = [sys.executable, "-c", READ, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert [line[: len(sign)] for line, sign in zip(done.stdout.splitlines(), wanted, strict=True)] == wanted
    assert list((tmp_path / "t").iterdir()) == [], "no link is left behind"


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_a_clip_is_refused_by_name_where_no_link_can_stand_for_it(tmp_path, monkeypatch):
    name = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp4"))
    try:
        shutil.copy(draw_clip(tmp_path / "clip.mp4", 10), name)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "symlink_to", refuse)
    error = refused(name)
    assert "no UTF-8" in error.message and "Rename it" in error.hint


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_a_model_of_a_name_that_is_no_utf_8_is_opened(smol_process, tmp_path):
    pair = builtin()
    folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"d\xe9j\xe0")))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    language, projector = folder / os.fsdecode(b"caf\xe9.gguf"), folder / os.fsdecode(b"mmproj-caf\xe9.gguf")
    language.symlink_to(pair.language)
    projector.symlink_to(pair.projector)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    done = smol_process(
        "ask", "-q", "--no-store", "-m", language, tmp_path / "a.png", "What colour?", "--max-tokens", "2"
    )
    assert (done.code, bool(done.out.strip())) == (0, True), done.err
