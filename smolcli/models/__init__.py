"""Which model to read with: what the user named, or the small one that ships in the package.

A name is looked for in this order: the built-in model, a pair of this machine, the catalog, a path (a GGUF file, a
folder), a repository of the Hub. Nothing but the last asks the network, and only if the pair is not here already.
`./NAME` is always a path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcli.datatypes import ModelPair
from smolcli.errors import ModelError, UsageError
from smolcli.models.naming import stem
from smolcli.settings import Settings, load_settings

if TYPE_CHECKING:
    from smolcli.models.adopt import (
        Adoption as Adoption,
    )
    from smolcli.models.adopt import (
        as_smol_errors as as_smol_errors,
    )
    from smolcli.models.carried import carry_pair as carry_pair
    from smolcli.models.catalog import catalog as catalog_entries
    from smolcli.models.catalog import catalog_rows as catalog_rows
    from smolcli.models.catalog import names as catalog_names
    from smolcli.models.doctags import installed_doctags as installed_doctags
    from smolcli.models.hub import (
        cache_folder as hub_folder,
    )
    from smolcli.models.hub import checkpoint_folder as checkpoint_folder
    from smolcli.models.installed import LocalPair
    from smolcli.models.installed import Store as Store
    from smolcli.models.installed import record_file as record_file
    from smolcli.models.pull import add as add_pair
    from smolcli.models.pull import parse_wish as parse_wish
    from smolcli.models.pull import pull as pull_pair
    from smolcli.models.records import default_name as default_name
    from smolcli.models.records import file_states as file_states
    from smolcli.models.records import local_records as local_records
    from smolcli.models.records import local_rows as local_rows
    from smolcli.models.records import (
        pair_record as pair_record,
    )
    from smolcli.models.removal import remove_pair as remove_pair
    from smolcli.models.retyping import copy_of as copy_of
    from smolcli.models.retyping import other_types as other_types
    from smolcli.models.retyping import retyped as retyped

__all__ = [
    "BUILTIN",
    "Adoption",
    "Store",
    "add_pair",
    "as_smol_errors",
    "builtin",
    "carry_pair",
    "catalog_entries",
    "catalog_names",
    "catalog_rows",
    "checkpoint_folder",
    "copy_of",
    "default_name",
    "file_states",
    "find_local",
    "find_projector",
    "hub_folder",
    "installed_doctags",
    "is_builtin",
    "known_names",
    "lasting_name",
    "local_records",
    "local_rows",
    "other_types",
    "pair_record",
    "parse_wish",
    "pull_pair",
    "record_file",
    "remove_pair",
    "resolve",
    "retyped",
]
INSIDE = {  # what the room gives beside → the file that holds it and its name there; read when it is asked for
    "Adoption": ("adopt", "Adoption"),
    "as_smol_errors": ("adopt", "as_smol_errors"),
    "carry_pair": ("carried", "carry_pair"),
    "catalog_entries": ("catalog", "catalog"),
    "catalog_rows": ("catalog", "catalog_rows"),
    "catalog_names": ("catalog", "names"),
    "installed_doctags": ("doctags", "installed_doctags"),
    "checkpoint_folder": ("hub", "checkpoint_folder"),
    "hub_folder": ("hub", "cache_folder"),
    "Store": ("installed", "Store"),
    "record_file": ("installed", "record_file"),
    "add_pair": ("pull", "add"),
    "parse_wish": ("pull", "parse_wish"),
    "pull_pair": ("pull", "pull"),
    "default_name": ("records", "default_name"),
    "file_states": ("records", "file_states"),
    "local_records": ("records", "local_records"),
    "local_rows": ("records", "local_rows"),
    "pair_record": ("records", "pair_record"),
    "remove_pair": ("removal", "remove_pair"),
    "copy_of": ("retyping", "copy_of"),
    "other_types": ("retyping", "other_types"),
    "retyped": ("retyping", "retyped"),
}
BUILTIN = "builtin"
_BUILTIN = Path(__file__).parent / "builtin"
_HUB_SHAPE = 2  # ORG/REPO
Tell = Callable[[str], None]


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


def builtin_pages() -> Mapping[str, Any]:
    """How the built-in model reads a page best: layout, rows, letter_px."""
    return _builtin_facts("pages")


def builtin_questions() -> Mapping[str, Any]:
    """How the built-in model answers questions about pages: least, refusals, relevance."""
    return _builtin_facts("questions")


def builtin_clips() -> Mapping[str, Any]:
    """How the built-in model watches clips: relevance, joins."""
    return _builtin_facts("clips")


def _builtin_facts(table: str) -> Mapping[str, Any]:
    return dict(tomllib.loads((_BUILTIN / "facts.toml").read_text(encoding="utf-8"))[table])


def is_builtin(name: str) -> bool:
    """Whether a name is the built-in model's."""
    return name.lower() in (BUILTIN, builtin().name)


def resolve(
    model: str | None, mmproj: str | None, settings: Settings | None = None, tell: Tell = lambda text: None
) -> ModelPair:
    """The pair that -m and --mmproj mean; `tell` hears about what takes a while.

    Raises UsageError, ModelError (with the command that gets a missing model), and as `pull` for a Hub id.
    """
    if model is None:
        if mmproj is not None:
            raise UsageError("--mmproj is given without -m.", "Name the language model's GGUF file with -m too.")
        return builtin()
    settings = settings or load_settings()
    pair = _by_name(model, settings) or _by_path(model, mmproj, settings, tell) or _by_hub_id(model, settings, tell)
    if pair is None:
        raise _unknown(model, settings)
    return pair if mmproj is None else replace(pair, projector=Path(mmproj))


def lasting_name(model: str, settings: Settings) -> str:
    """What means the same model from every folder: a name as it is, a path absolute. Raises as `resolve`."""
    resolve(model, None, settings)
    return model if _by_name(model, settings) is not None else str(Path(model).expanduser().absolute())


def find_projector(language: Path) -> Path:
    """The mmproj beside a language model: of the same name, else the only one in its folder. Raises ModelError."""
    from smolcli.models.kinds import holds_projector, require_whole

    require_whole(language)
    beside = sorted(path for path in language.parent.glob("*.gguf") if path != language and holds_projector(path))
    if holds_projector(language):
        raise ModelError(f"{language} is a vision projector (mmproj), not a language model.", "Give the model with -m.")
    named = [path for path in beside if stem(path) == stem(language)]
    found = named or beside
    if len(found) == 1 or named:
        return found[0]
    what = f"{len(found)} projectors" if found else "no projector (mmproj-*.gguf)"
    raise ModelError(f"There is {what} beside {language}.", "Name the right one with --mmproj.")


def known_names(settings: Settings) -> list[str]:
    """Every name that -m understands: the built-in model, pairs of this machine, the catalog. Cheap."""
    from smolcli.models.catalog import names
    from smolcli.models.installed import Store

    return list(dict.fromkeys([BUILTIN, *(pair.name for pair in Store(settings.data_dir).all()), *names()]))


def find_local(model: str, settings: Settings) -> LocalPair | None:
    """The recorded pair that a name means; of several types the catalog's first. Raises UsageError, ModelError."""
    from smolcli.models import catalog
    from smolcli.models.installed import Store

    entry = catalog.find(model.partition(":")[0])
    preferred = entry.language[0].quant if entry is not None and entry.language else ""
    return Store(settings.data_dir).find(model, preferred)


def _by_name(model: str, settings: Settings) -> ModelPair | None:
    from smolcli.cache import used
    from smolcli.models import catalog

    if is_builtin(model):
        return builtin()
    found = find_local(model, settings)
    if found is not None:
        pair = found.pair()
        if found.own_projector is not None:
            used(Path(found.own_projector.path))
        return pair
    if catalog.find(model.partition(":")[0]) is not None:
        raise ModelError(f"The model {model} is not on this machine.", f"Get it with: smol pull {model}")
    return None


def _by_path(model: str, mmproj: str | None, settings: Settings, tell: Tell) -> ModelPair | None:
    try:
        path = Path(model).expanduser()
        if not path.exists():
            return None
    except (OSError, ValueError, RuntimeError):  # nothing can have this name; RuntimeError: ~ of no known user
        return None
    if path.is_dir():
        if (path / "config.json").exists():
            from smolcli.models.folders import converted

            return converted(path, settings, tell)
        path = _only_language_model(path)
    return ModelPair(path, Path(mmproj) if mmproj else find_projector(path), stem(path))


def _only_language_model(folder: Path) -> Path:
    from smolcli.models.kinds import holds_projector, without_later_parts

    languages = [path for path in sorted(folder.glob("*.gguf")) if not holds_projector(path)]
    found = without_later_parts(languages) or languages
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} language models" if found else "neither config.json nor a GGUF file"
    raise ModelError(f"There is {what} in the folder {folder}.", "Name one .gguf file with -m.")


def _by_hub_id(model: str, settings: Settings, tell: Tell) -> ModelPair | None:
    """A repository that is not here yet is pulled as published: measuring and repairing is for `smol pull`."""
    name = model.partition(":")[0]
    if name.count("/") != _HUB_SHAPE - 1 or model.startswith((".", "~", "/")) or name.endswith(".gguf"):
        return None
    from smolcli.models.adopt import Adoption, NoEngine
    from smolcli.models.pull import parse_wish, pull

    tell(f"fetching {model} from the Hugging Face Hub")
    return pull(parse_wish(model), Adoption(settings, NoEngine(), tell, keep_as_published=True)).pair()


def _unknown(model: str, settings: Settings) -> ModelError:
    from difflib import get_close_matches

    origin = settings.origins["model"] if settings.values["model"] == model else "default"
    named = model if origin == "default" else f"{model} (the setting model in {origin})"
    if model.endswith(".gguf") or "/" in model:
        return ModelError(f"There is no model file {named}.", "Give a GGUF file, a folder, or a name of `smol models`.")
    names = known_names(settings)
    close = get_close_matches(model, names, 1)
    meant = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names)}; or give a GGUF file or a folder."
    return ModelError(f"There is no model {named}.", meant)


def __getattr__(name: str) -> Any:
    """Most commands need one file of the room, and none of its libraries."""
    if name not in INSIDE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    file, own = INSIDE[name]
    return getattr(import_module(f"{__name__}.{file}"), own)
