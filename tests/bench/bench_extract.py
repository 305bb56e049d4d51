"""Extract fields from drawn forms with the built-in model: how much is valid JSON, how much is right, how long it took.

    python tests/bench/bench_extract.py [--forms 200] [--temperature 0] [--max-tokens N]

A form shows some of six fields; the others have to come as null. Schemas take turns: texts, typed values, a list, and
one of all that a schema can say. What comes is held against its schema by our own reader of it and by jsonschema, where
that is installed, with null for what is not there. Schemas that cannot be followed have to be a sentence each.
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
from bench_docvqa import searching
from forms import draw_form
from hostile_schemas import HOSTILE

from smolcli import Answer
from smolcli.datatypes import Sampling
from smolcli.errors import UsageError
from smolcli.extraction import normalized, schema_of_fields
from smolcli.extraction.collect import fitted
from smolcli.extraction.schema import tree
from smolcli.extraction.values import number
from smolcli.models import builtin
from smolcli.reader import open_reader
from smolcli.run import Access, check_schema
from smolcli.verbs import DocumentQuestions

RECORDED = "--forms 60"
RICH = {
    "type": "object",
    "required": ["name", "total"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": ["string", "null"], "minLength": 2, "maxLength": 40},
        "date": {"$ref": "#/$defs/day", "description": "date"},
        "total": {"type": "number", "minimum": 0, "exclusiveMaximum": 100000},
        "order": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "city": {"type": "string", "pattern": "^[A-Z][a-z]+$"},
        "phone": {"type": "string", "pattern": "\\d{4}$"},
        "kind": {"enum": ["invoice", "receipt", "form"]},
        "paid": {"const": True},
        "sums": {"type": "array", "items": {"type": "number"}, "maxItems": 3, "uniqueItems": True},
        "person": {
            "type": "object",
            "properties": {"name": {"$ref": "#/properties/name"}, "signed": {"type": "boolean"}},
        },
    },
    "$defs": {"day": {"type": "string", "format": "date"}},
}
SCHEMAS = (
    schema_of_fields("name,date,total,city,order,phone"),
    schema_of_fields("total:number,date:date,order:int,name,city,phone"),
    schema_of_fields("name,date:date,total:number,fields[]"),
    normalized(json.dumps(RICH)),
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
            asking = DocumentQuestions(reader.files, paths, template, Access(), searching(reader))
            events = asking.answers(reader.stream(asking.jobs()))
            answers = [event for event in events if isinstance(event, Answer)]
            for n, answer in zip(numbers, answers, strict=True):
                _score(answer, schema, truths[n], counts)
        wall_s = time.perf_counter() - start
    print(f"{given.forms} forms in {wall_s:.1f} s, {wall_s / given.forms:.2f} s each")
    print(f"valid JSON that follows its schema: {counts['valid']} of {given.forms}")
    sentences = sum(map(is_a_sentence, HOSTILE.values()))
    print(f"hostile schemas that are a sentence: {sentences} of {len(HOSTILE)}")
    for kind in ("shown", "absent"):
        print(f"values {kind}, right: {counts[f'right {kind}']} of {counts[kind]}")
    print(f"warnings: {counts['warnings']}")
    title = "Fields of drawn forms, the built-in model"
    recorded = records.Found("extract", title, builtin(), (f"{given.forms} forms, 4 at a time",))
    recorded.add("forms", "s each", [wall_s / given.forms])
    recorded.add("answers that follow the schema", "of 1", [counts["valid"] / given.forms])
    recorded.add("hostile schemas that are a sentence", "of 1", [sentences / len(HOSTILE)])
    for kind in ("shown", "absent"):
        recorded.add(f"values {kind}, right", "of 1", [counts[f"right {kind}"] / max(1, counts[kind])])
    recorded.write(given.record)


def is_a_sentence(schema: object) -> bool:
    """Whether a schema that cannot be followed is refused, and with what to do."""
    try:
        check_schema(schema if isinstance(schema, str) else json.dumps(schema))
    except UsageError as error:
        return bool(error.message and error.hint)
    return False


def follows(data: object, schema: str) -> bool:
    """Whether jsonschema takes the data, with null for what is not there; true where it is not installed.

    Of the richest schema it is held against what was written, not against what we made of it.
    """
    try:
        from jsonschema import Draft202012Validator
    except ImportError:
        return True
    own = RICH if schema == SCHEMAS[-1] else json.loads(schema)
    return Draft202012Validator(or_null(own) | {"type": "object"}).is_valid(data)


def or_null(schema: dict) -> dict:
    """The schema with null for every value of an object."""
    if "properties" not in schema:
        return schema
    values = {name: {"anyOf": [or_null(each), {"type": "null"}]} for name, each in schema["properties"].items()}
    return {**schema, "properties": values, "required": list(values), "additionalProperties": False}


def _score(answer: object, schema: str, truth: dict[str, str | None], counts: Counter[str]) -> None:
    if not isinstance(answer, Answer):
        return
    data = json.loads(answer.text)
    is_whole = list(data) == list(tree(schema)["properties"]) and follows(data, schema)
    counts["valid"] += data == answer.data == fitted(data, tree(schema)) and is_whole
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
