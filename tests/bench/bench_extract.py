"""Extract fields from drawn forms with the built-in model: how much is valid JSON, how much is right, how long it took.

    python tests/bench/bench_extract.py [--forms 200] [--temperature 0] [--max-tokens N]

A form shows some of six fields; the others have to come as null. Schemas take turns: texts, typed values, a list.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import records
from forms import draw_form

from smolcli import Answer
from smolcli.datatypes import Sampling
from smolcli.extraction import schema_of_fields
from smolcli.extraction.collect import fitted
from smolcli.extraction.schema import tree
from smolcli.extraction.values import number
from smolcli.models import builtin
from smolcli.reader import open_reader
from smolcli.run import Access
from smolcli.verbs import docvqa

RECORDED = "--forms 60"
SCHEMAS = (
    schema_of_fields("name,date,total,city,order,phone"),
    schema_of_fields("total:number,date:date,order:int,name,city,phone"),
    schema_of_fields("name,date:date,total:number,fields[]"),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forms", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--max-tokens", type=int)
    records.add_option(parser)
    given = parser.parse_args(argv)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, open_reader(store=False, parallel=4) as reader:
        truths = [draw_form(Path(folder) / f"{n:04d}.png", n) for n in range(given.forms)]
        start = time.perf_counter()
        sampling = Sampling(given.temperature, seed=1, max_tokens=given.max_tokens)
        for which, schema in enumerate(SCHEMAS):
            numbers = range(which, given.forms, len(SCHEMAS))
            paths = [str(Path(folder) / f"{n:04d}.png") for n in numbers]
            template = reader.template("docvqa", [""], sampling=sampling).within(schema)
            answers = reader.read(docvqa(reader.files, paths, template, Access()))
            for n, answer in zip(numbers, answers, strict=True):
                _score(answer, schema, truths[n], counts)
        wall_s = time.perf_counter() - start
    print(f"{given.forms} forms in {wall_s:.1f} s, {wall_s / given.forms:.2f} s each")
    print(f"valid JSON that follows its schema: {counts['valid']} of {given.forms}")
    for kind in ("shown", "absent"):
        print(f"values {kind}, right: {counts[f'right {kind}']} of {counts[kind]}")
    print(f"warnings: {counts['warnings']}")
    title = "Fields of drawn forms, the built-in model"
    recorded = records.Found("extract", title, builtin(), (f"{given.forms} forms, 4 at a time",))
    recorded.add("forms", "s each", [wall_s / given.forms])
    recorded.add("answers that follow the schema", "of 1", [counts["valid"] / given.forms])
    for kind in ("shown", "absent"):
        recorded.add(f"values {kind}, right", "of 1", [counts[f"right {kind}"] / max(1, counts[kind])])
    recorded.write(given.record)


def _score(answer: object, schema: str, truth: dict[str, str | None], counts: Counter[str]) -> None:
    if not isinstance(answer, Answer):
        return
    data = json.loads(answer.text)
    counts["valid"] += data == answer.data == fitted(data, tree(schema)) and list(data) == list(
        tree(schema)["properties"]
    )
    counts["warnings"] += len(answer.warnings)
    for key in truth.keys() & data.keys():
        kind = "absent" if truth[key] is None else "shown"
        counts[kind] += 1
        counts[f"right {kind}"] += _same(data[key], truth[key])


def _same(found: object, known: str | None) -> bool:
    if isinstance(found, int | float):
        return known is not None and number(known) == found
    return found == known


if __name__ == "__main__":
    main()
