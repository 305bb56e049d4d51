"""Files that are parts of a model, and projectors under other names: what the keys say decides, in every command."""

import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest
from gguf import GGUFValueType as Kind
from models import nano_pair

from gguf_convert.metadata import Value
from gguf_convert.read import read_gguf, read_part
from gguf_convert.write import write_gguf
from smolcli.engine.metadata import GGUFFile
from smolcli.errors import ModelError
from smolcli.models import resolve

COUNT = 3


def write_part(path, file, tensors, keys):
    metadata = replace(file.metadata, values={**file.metadata.values, **keys})
    data = np.fromfile(file.path, np.uint8)
    blocks = ([data[file.offsets[tensor.name] : file.offsets[tensor.name] + tensor.bytes]] for tensor in tensors)
    write_gguf(path, metadata, list(tensors), blocks)


def split(folder, prefix="big", source=None):
    """The small language model in three parts, as llama-gguf-split writes them."""
    file = read_gguf(source or nano_pair().language)
    paths = []
    for number in range(COUNT):
        keys = {
            "split.no": Value(Kind.UINT16, number),
            "split.count": Value(Kind.UINT16, COUNT),
            "split.tensors.count": Value(Kind.INT32, len(file.tensors)),
        }
        paths.append(folder / f"{prefix}-{number + 1:05}-of-{COUNT:05}.gguf")
        write_part(paths[-1], file, file.tensors[number::COUNT], keys)
    shutil.copy(nano_pair().projector, folder / "mmproj-big.gguf")
    return paths


def merge_command(sentence):
    return shlex.split(sentence[sentence.index("llama-gguf-split") :])


@pytest.mark.parametrize("number", range(COUNT))
def test_a_part_alone_is_no_model_and_the_command_that_merges_is_named(smol, tmp_path, number):
    parts = split(tmp_path, "my model")
    for argv in (("inspect", parts[number]), ("ask", "-m", parts[number], "examples/sign.jpg", "?")):
        done = smol(*argv)
        assert done.code == 4 and done.out == ""
        assert f"part {number + 1} of {COUNT}" in done.sentence
        words = merge_command(done.sentence)
        assert words == ["llama-gguf-split", "--merge", str(parts[0]), str(tmp_path / "my model.gguf")]


def test_adding_a_part_and_reading_a_folder_of_parts_say_the_same(smol, tmp_path):
    parts = split(tmp_path)
    projector = tmp_path / "mmproj-big.gguf"
    for argv in (("models", "add", "big", parts[0], projector), ("ask", "-m", tmp_path, "examples/sign.jpg", "?")):
        done = smol(*argv)
        assert done.code == 4 and merge_command(done.sentence)[2] == str(parts[0])


def test_missing_parts_are_named(smol, tmp_path):
    parts = split(tmp_path)
    parts[1].unlink()
    sentence = smol("inspect", parts[0]).sentence
    assert f"not beside it: {parts[1].name}" in sentence and merge_command(sentence)[2] == str(parts[0])


def test_a_part_under_another_name_says_how_the_parts_are_named(smol, tmp_path):
    parts = split(tmp_path)
    other = parts[1].rename(tmp_path / "half.gguf")
    sentence = smol("inspect", other).sentence
    assert "part 2 of 3" in sentence and "MODEL-00001-of-00003.gguf" in sentence
    done = smol("ask", "-m", other, "examples/sign.jpg", "?")
    assert done.code == 4 and f"smol inspect {other}" in done.sentence
    with pytest.raises(ModelError, match="one part of a split model"):
        GGUFFile(other)


def test_parts_whose_names_were_swapped_are_found_out(smol, tmp_path):
    parts = split(tmp_path)
    parts[0].rename(tmp_path / "x")
    parts[1].rename(parts[0])
    (tmp_path / "x").rename(parts[1])
    assert "its name does not say so" in smol("inspect", parts[0]).sentence


def test_parts_of_different_models_are_not_sent_to_be_merged(smol, tmp_path):
    parts = split(tmp_path)
    file, last = read_part(parts[2]), tmp_path / "last"
    write_part(last, file, file.tensors, {"split.tensors.count": Value(Kind.INT32, 999)})
    last.replace(parts[2])
    done = smol("inspect", parts[0])
    assert done.code == 4 and f"{parts[2].name} is a part of another model" in done.sentence


def test_a_part_that_is_cut_off_or_lacks_tensors_is_named(smol, tmp_path):
    parts = split(tmp_path)
    whole = parts[1].read_bytes()
    parts[1].write_bytes(whole[:500])
    assert f"{parts[1]} is damaged or cut off" in smol("inspect", parts[0]).sentence
    parts[1].write_bytes(whole)
    file, less = read_part(parts[2]), tmp_path / "less"
    write_part(less, file, file.tensors[1:], {})
    less.replace(parts[2])
    total = len(read_gguf(nano_pair().language).tensors)
    assert f"the parts hold {total - 1} tensors of {total}" in smol("inspect", parts[0]).sentence


@pytest.mark.parametrize("number", [3, 4, -1])
def test_a_part_beyond_its_count_is_damaged(smol, tmp_path, number):
    file = read_gguf(nano_pair().language)
    keys = {"split.no": Value(Kind.INT32, number), "split.count": Value(Kind.UINT16, COUNT)}
    write_part(tmp_path / "odd.gguf", file, file.tensors, keys)
    done = smol("inspect", tmp_path / "odd.gguf")
    assert done.code == 4 and "split.no" in done.sentence


def test_a_model_split_into_one_part_is_whole(smol, tmp_path):
    file = read_gguf(nano_pair().language)
    keys = {"split.no": Value(Kind.UINT16, 0), "split.count": Value(Kind.UINT16, 1)}
    write_part(tmp_path / "one.gguf", file, file.tensors, keys)
    assert smol("inspect", tmp_path / "one.gguf").code == 0
    assert GGUFFile(tmp_path / "one.gguf").tensors.keys() == file.offsets.keys()


def test_a_projector_is_known_by_its_keys_under_any_name(smol, tmp_path):
    language = shutil.copy(nano_pair().language, tmp_path / "mmproj-it-is-not.gguf")
    projector = shutil.copy(nano_pair().projector, tmp_path / "vision.gguf")
    for given in (tmp_path, language):
        pair = resolve(str(given), None)
        assert (pair.language.name, pair.projector.name) == (language.name, projector.name)
    done = smol("plan", "-m", tmp_path, "examples/sign.jpg", "?", "--detail", "low", "--json")
    assert done.code == 0, done.err
    with pytest.raises(ModelError, match="vision projector"):
        resolve(str(projector), None)
