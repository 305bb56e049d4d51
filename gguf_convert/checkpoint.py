"""A Hugging Face folder comes in; its configuration, small files and lazily read tensors go out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from .errors import NotACheckpointError, NotOfFamilyError
from .safetensors_file import STORED, Entry, read_entries

BLOCK_BYTES = 4 << 20  # one read; small enough to stay in cache while it is widened and packed
INDEX = "model.safetensors.index.json"
IGNORED_ENDINGS = (".rotary_emb.inv_freq", ".position_ids")  # buffers that old versions of transformers saved


@dataclass(slots=True)
class Checkpoint:
    """An open checkpoint: `tensors` by canonical name (no `model.` prefix), `weights` its files in order."""

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]
    tensors: dict[str, Entry]
    _files: dict[Path, BinaryIO] = field(default_factory=dict)

    def json(self, name: str) -> dict[str, Any]:
        """One of the folder's JSON files, {} where there is none. Raises NotACheckpointError when it is not JSON."""
        path = self.folder / name
        return read_json(path) if path.is_file() else {}

    def blocks(self, entry: Entry) -> Iterator[npt.NDArray[Any]]:
        """The tensor in stored dtype, some rows at a time, each (rows, row_values)."""
        row_bytes = max(1, entry.row_values * (4 if entry.dtype == "F32" else 2))
        step = max(1, BLOCK_BYTES // row_bytes)
        for first in range(0, entry.rows, step):
            yield entry.read(self._file(entry.path), first, min(entry.rows, first + step))

    def whole(self, entry: Entry) -> npt.NDArray[Any]:
        """The whole tensor in stored dtype, (rows, row_values)."""
        return entry.read(self._file(entry.path), 0, entry.rows)

    def close(self) -> None:
        """Close the weight files."""
        while self._files:
            self._files.popitem()[1].close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self, path: Path) -> BinaryIO:
        if path not in self._files:
            self._files[path] = path.open("rb")
        return self._files[path]


def open_checkpoint(folder: Path) -> Checkpoint:
    """Open a folder. Raises NotACheckpointError (unreadable), NotOfFamilyError (an adapter, or quantized)."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise NotACheckpointError(f"{folder} {what}.", "Give the folder that holds config.json.")
    if (folder / "adapter_config.json").is_file() and not (folder / INDEX).is_file():
        _refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise NotACheckpointError(f"{folder} has no config.json.", "Give the folder of a Hugging Face checkpoint.")
    config = read_json(folder / "config.json")
    if isinstance(config.get("quantization_config"), dict):
        method = config["quantization_config"].get("quant_method", "unknown method")
        raise NotOfFamilyError(f"{folder} is quantized already ({method}).", "Convert the checkpoint it was made from.")
    weights = _weight_files(folder)
    return Checkpoint(folder, config, weights, _canonical(_all_entries(weights), folder))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises NotACheckpointError when it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotACheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise NotACheckpointError(f"{path} is not valid JSON.", "Download or copy it again.") from error
    if not isinstance(data, dict):
        raise NotACheckpointError(f"{path} is not a JSON object.", "Download or copy it again.")
    return data


def _weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files: those that the index names, else model.safetensors, else all there are."""
    index = folder / INDEX
    if index.is_file():
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise NotACheckpointError(f"{index} has no weight_map.", "Download or copy it again.")
        names = sorted(set(shards.values()))
        if outside := [name for name in names if Path(name).name != name]:
            raise NotACheckpointError(f"{index} names a file outside the folder: {outside[0]}.")
        if lost := [name for name in names if not (folder / name).is_file()]:
            raise NotACheckpointError(f"{folder} lacks {lost[0]}, which {INDEX} names.", "Download the missing file.")
        return tuple(folder / name for name in names)
    if (folder / "model.safetensors").is_file():
        return (folder / "model.safetensors",)
    if files := sorted(folder.glob("*.safetensors")):
        return tuple(files)
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        hint = "Save it again with `save_pretrained(..., safe_serialization=True)`."
        raise NotACheckpointError(f"{folder} has PyTorch pickles but no safetensors.", hint)
    raise NotACheckpointError(f"{folder} has no *.safetensors.", "Download the weights too.")


def _all_entries(weights: tuple[Path, ...]) -> Iterator[Entry]:
    for path in weights:
        yield from read_entries(path).values()


def _canonical(entries: Iterator[Entry], folder: Path) -> dict[str, Entry]:
    """Entries by canonical name. transformers saves `model.text_model…` or, for a bare model, `text_model…`."""
    tensors: dict[str, Entry] = {}
    for entry in entries:
        if ".lora_" in entry.name or ".base_layer." in entry.name:
            _refuse_adapter(folder)
        name = entry.name
        while name.startswith("model."):
            name = name.removeprefix("model.")
        if name.endswith(IGNORED_ENDINGS):
            continue
        if entry.dtype not in STORED:
            raise NotOfFamilyError(
                f"{entry.name} is stored as {entry.dtype}; this reads {', '.join(STORED)}.",
                "A quantized checkpoint must be converted from its original.",
            )
        if name in tensors:
            raise NotOfFamilyError(f"{folder} holds {name} twice ({tensors[name].path.name}, {entry.path.name}).")
        tensors[name] = entry
    return tensors


def _refuse_adapter(folder: Path) -> None:
    hint = (
        "Merge it into its base model first: `PeftModel.from_pretrained(...).merge_and_unload().save_pretrained(DIR)`."
    )
    raise NotOfFamilyError(f"{folder} holds a LoRA adapter, not a whole model.", hint)
