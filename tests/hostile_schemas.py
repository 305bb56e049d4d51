"""Schemas that cannot be followed, by what is wrong with them: each has to be a sentence, and soon."""

from __future__ import annotations

import json

from smolcli.extraction import MOST_BYTES
from smolcli.extraction.ask import MOST_ASKED
from smolcli.extraction.schema import MOST_ENUM


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def wide(levels):
    """A few lines that would be 2 to the power of `levels` schemas."""
    both = {"type": "object", "properties": {}}
    definitions = {"d0": {"type": "string"}}
    for n in range(1, levels):
        properties = {side: {"$ref": f"#/$defs/d{n - 1}"} for side in "ab"}
        definitions[f"d{n}"] = {**both, "properties": properties}
    return {"$ref": f"#/$defs/d{levels - 1}", "$defs": definitions}


def all_of_wide(levels):
    """The same by `allOf`."""
    definitions = {"d0": {}}
    for n in range(1, levels + 1):
        below = {"$ref": f"#/$defs/d{n - 1}"}
        definitions[f"d{n}"] = {"allOf": [below, {"allOf": [below]}]}
    return {"properties": {"a": {"$ref": f"#/$defs/d{levels}"}}, "$defs": definitions}


def field(schema):
    return {"type": "object", "properties": {"a": schema}}


HOSTILE = {
    "no JSON": "{'type': 'object'}",
    "nothing": "",
    "no object": "[1, 2]",
    "a number": "3",
    "true": "true",
    "no fields": {"type": "object"},
    "empty": {"type": "object", "properties": {}},
    "a list": {"type": "array", "items": {"type": "string"}},
    "no schema": field(3),
    "no type": field({"type": "dragon"}),
    "types of types": field({"type": [["string"]]}),
    "only null": field({"type": "null"}),
    "NaN": '{"type": "object", "properties": {"a": {"type": "number", "minimum": NaN}}}',
    "recursive": {**field({"$ref": "#/$defs/a"}), "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}},
    "itself": {**field({"$ref": "#/$defs/a"}), "$defs": {"a": {"$ref": "#/$defs/a"}}},
    "a file": field({"$ref": "file:///etc/passwd"}),
    "the network": field({"$ref": "https://example.org/schema.json"}),
    "a path": field({"$ref": "other.json#/a"}),
    "nowhere": field({"$ref": "#/$defs/b"}),
    "deep": deep(9),
    "very deep": "[" * 100_000,
    "deep objects": '{"properties":{"a":' * 20_000,
    "wide": wide(40),
    "many fields": {"properties": {f"f{n}": {} for n in range(MOST_ASKED + 1)}},
    "a huge enum": field({"enum": [str(n) for n in range(MOST_ENUM + 1)]}),
    "a very huge enum": field({"enum": [f"value {n}" for n in range(100_000)]}),
    "an enum of lists": field({"enum": [[1], [2]]}),
    "an enum of lines": field({"enum": ["a\nb", "c"]}),
    "an enum of nothing": field({"enum": []}),
    "twice": field({"enum": ["1", 1]}),
    "not": field({"not": {"type": "string"}}),
    "if": field({"type": "string", "if": {}}),
    "pattern properties": {"patternProperties": {".*": {}}, **field({})},
    "no pattern": field({"type": "string", "pattern": 7}),
    "repeats of repeats": field({"type": "string", "pattern": "^((a+)+)+$"}),
    "a trillion": field({"type": "string", "pattern": "^(a{64}){64}$"}),
    "a million": field({"type": "string", "pattern": "^a{1000000}$"}),
    "looking back": field({"type": "string", "pattern": "^(?<=a)b$"}),
    "an open bracket": field({"type": "string", "pattern": "^(a$"}),
    "a long pattern": field({"type": "string", "pattern": f"^{'a|' * 9999}b$"}),
    "a negative length": field({"type": "string", "maxLength": -1}),
    "a length in words": field({"type": "string", "maxLength": "nine"}),
    "an endless limit": '{"properties": {"a": {"type": "number", "maximum": 1e999}}}',
    "a name of nothing": {"properties": {" ": {}}},
    "a name of lines": {"properties": {"a\nb": {}}},
    "all of what differs": field({"allOf": [{"type": "string"}, {"type": "number"}]}),
    "all of references": field({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {}}),
    "any of nothing": field({"anyOf": []}),
    "false": field(False),
    "nothing in common": field({"type": "integer", "anyOf": [{"type": "string"}, {"type": "object"}]}),
    "no value of the type": field({"type": "integer", "enum": ["a", "b"]}),
    "the whole again": field({"$ref": "#"}),
    "an anchor that is not there": field({"$ref": "#money"}),
    "all of itself": {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}},
    "all of all of all": '{"properties":{"a":' + '{"allOf":[' * 900 + "{}" + "]}" * 900 + "}}",
    "all of wide": all_of_wide(30),
    "a number without end": '{"properties": {"a": {"enum": [1, 1e999]}}}',
    "too long": json.dumps(field({"description": "a" * MOST_BYTES})),
}  # fmt: skip
