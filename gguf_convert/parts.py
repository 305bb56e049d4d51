"""The keys of a GGUF file come in; where they say that it is one part of several, the sentence that says what to do
goes out.

llama.cpp splits a model by writing split.no (from 0), split.count and split.tensors.count into every part, and finds
the others by name: PREFIX-00001-of-00003.gguf. Only the first holds the vocabulary, and none all tensors.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import ConvertError, NotOfFamilyError
from .names import Split

NAME = re.compile(r"(?P<prefix>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
MOST = 65535  # split.count is a UINT16


def refuse_part(path: Path, get: Callable[[str], Any]) -> None:
    """Raise NotOfFamilyError, with the way to one file, where the keys say that the file is a part of several."""
    count, number = get(Split.COUNT), get(Split.NO)
    if count in (None, 0, 1):
        return
    if not (type(count) is type(number) is int and 0 <= number < count <= MOST):
        what = f"{path} says that it is part {number!r} of {count!r} (split.no, split.count)."
        raise NotOfFamilyError(what, "Download it again.")
    here = f"{path} is part {number + 1} of {count} of a split model"
    named = NAME.fullmatch(path.name)
    if named is None or (int(named["number"]), int(named["count"])) != (number + 1, count):
        first, merged = _name("MODEL", 0, count), "MODEL.gguf"
        hint = f"Name the parts {first} to {_name('MODEL', count - 1, count)}, then merge them: {_merge(first, merged)}"
        raise NotOfFamilyError(f"{here}, but its name does not say so.", hint)
    parts = [path.with_name(_name(named["prefix"], index, count)) for index in range(count)]
    command = _merge(str(parts[0]), str(path.with_name(f"{named['prefix']}.gguf")))
    missing = [part.name for part in parts if not part.exists()]
    if missing:
        listed = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise NotOfFamilyError(f"{here}; not beside it: {listed}.", f"Get all parts, then merge them: {command}")
    if stranger := _stranger(parts, count):
        raise NotOfFamilyError(f"{here}, but {stranger}.", "Get all parts again, from one place.")
    raise NotOfFamilyError(f"{here}: alone it is no model.", f"Merge the parts with llama.cpp's tool: {command}")


def _name(prefix: str, index: int, count: int) -> str:
    return f"{prefix}-{index + 1:05}-of-{count:05}.gguf"


def _merge(first: str, merged: str) -> str:
    return f"llama-gguf-split --merge {shlex.quote(first)} {shlex.quote(merged)}"


def _stranger(parts: list[Path], count: int) -> str:
    """What shows that the files do not make one model, as the end of a sentence; "" where they do."""
    from .read import read_part  # it asks us about every file that it reads

    names: set[str] = set()
    promised = None
    for index, part in enumerate(parts):
        try:
            file = read_part(part)
        except ConvertError as error:
            return error.message.rstrip(".")
        get = file.metadata.get
        promised = get(Split.TENSORS) if index == 0 else promised
        said = (get(Split.NO), get(Split.COUNT), get(Split.TENSORS))
        if said != (index, count, promised) or names & file.offsets.keys():
            return f"{part.name} is a part of another model"
        names |= file.offsets.keys()
    return "" if promised == len(names) else f"the parts hold {len(names)} tensors of {promised}"
