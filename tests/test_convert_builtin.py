"""The built-in model's GGUF pair is what `make builtin` makes of its Hugging Face folder, byte for byte."""

import re
import shlex
from pathlib import Path

from gguf_convert.__main__ import parse
from gguf_convert.convert import convert

ROOT = Path(__file__).parent.parent


def test_the_shipped_pair_is_reproduced_byte_for_byte(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = re.search(r"-m gguf_convert (.*)", (ROOT / "Makefile").read_text())
    shipped, _ = parse(shlex.split(recipe[1]))
    words = shlex.split(recipe[1].replace(str(shipped.out), str(tmp_path)))
    made = convert(parse(words)[0]).files
    assert len(made) == 2
    for file in made:
        assert file.path.read_bytes() == (shipped.out / file.path.name).read_bytes(), file.path.name
