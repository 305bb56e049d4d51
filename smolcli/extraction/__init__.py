"""What is to be found on a page goes in, as a JSON Schema or as names of fields; out come the questions that ask for
it, one for each field, and from their answers one JSON object that follows the schema.

Small models answer "What is the total?" well and write JSON badly, so a field that is one value is asked for by itself
and answered as on the page; grammars and choices see to it that what comes can be read. Only lists are written as JSON.
"""

from __future__ import annotations

from smolcli.extraction.ask import NOTHING, Ask, asks
from smolcli.extraction.collect import Collected, collect
from smolcli.extraction.fields import schema_of_fields, typed_list
from smolcli.extraction.grammars import NUMBER, text_grammar, unquoted
from smolcli.extraction.presence import as_printed, missing
from smolcli.extraction.schema import MOST_BYTES, SchemaError, normalized

__all__ = [
    "MOST_BYTES",
    "NOTHING",
    "NUMBER",
    "Ask",
    "Collected",
    "SchemaError",
    "as_printed",
    "asks",
    "collect",
    "missing",
    "normalized",
    "schema_of_fields",
    "text_grammar",
    "typed_list",
    "unquoted",
]
