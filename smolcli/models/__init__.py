"""Which model to read with: what the user named, or the small one that ships in the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from smolcli.datatypes import ModelPair
from smolcli.errors import ModelError, UsageError

_BUILTIN = Path(__file__).parent / "builtin"
_TYPE = re.compile(r"[-.](f32|f16|bf16|q\d[_a-z0-9]*|iq\d[_a-z0-9]*)$", re.IGNORECASE)


def builtin() -> ModelPair:
    """The model of the package (smolcli/models/builtin/facts.toml)."""
    facts = tomllib.loads((_BUILTIN / "facts.toml").read_text(encoding="utf-8"))
    return ModelPair(
        language=_BUILTIN / facts["language"],
        projector=_BUILTIN / facts["projector"],
        name=facts["name"],
        max_frames=facts["max_frames"],
        note=facts["note"],
    )


def resolve(model: str | None, mmproj: str | None) -> ModelPair:
    """The pair that -m and --mmproj mean. Raises UsageError, ModelError when a partner is missing."""
    if model is None:
        if mmproj is not None:
            raise UsageError("--mmproj is given without -m.", "Name the language model's GGUF file with -m too.")
        return builtin()
    language = Path(model)
    if not language.exists():
        raise ModelError(f"There is no model file {model}.", "Give the path of a GGUF file with -m.")
    projector = Path(mmproj) if mmproj else find_projector(language)
    return ModelPair(language, projector, stem(language))


def stem(path: Path) -> str:
    """A file's name without "mmproj-", ".gguf" and its type: both files of a pair have it in common."""
    name = path.name.removesuffix(".gguf").removeprefix("mmproj-")
    return _TYPE.sub("", name)


def find_projector(language: Path) -> Path:
    """The mmproj beside a language model: of the same name, else the only one in its folder. Raises ModelError."""
    beside = sorted(path for path in language.parent.glob("*mmproj*.gguf") if path != language)
    named = [path for path in beside if stem(path) == stem(language)]
    found = named or beside
    if len(found) == 1 or named:
        return found[0]
    if language.name.startswith("mmproj"):
        raise ModelError(f"{language} is a vision projector (mmproj), not a language model.", "Give the model with -m.")
    what = f"{len(found)} projectors" if found else "no projector (mmproj-*.gguf)"
    raise ModelError(f"There is {what} beside {language}.", "Name the right one with --mmproj.")
