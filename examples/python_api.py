"""smol's rooms as a library: ask the same questions of every page of a PDF, and print the answers as JSON.

    python examples/python_api.py FILE.pdf "What is the total?" "What is the date?"

The path of a file: media (decode) → planning (how to cut, does it fit) → engine (read) → answer.
"""

import sys

from smolcli.datatypes import Answer
from smolcli.engine import EngineOptions, load_engine
from smolcli.media import MediaOptions
from smolcli.models import builtin
from smolcli.output import answer_record, to_json
from smolcli.prompt import load_prompt
from smolcli.tasks.docvqa import docvqa
from smolcli.tasks.planning import Style
from smolcli.tiles import parse_detail


def main(file: str, questions: list[str]) -> None:
    prompt = load_prompt("docvqa", style="reference")
    style = Style(prompt, parse_detail(prompt.detail))
    with load_engine(builtin(), EngineOptions()) as engine:
        options = MediaOptions(longest_edge_px=engine.facts.longest_edge_px)
        for event in docvqa(engine, [file], options, (questions, style)):
            if isinstance(event, Answer):  # other events: pieces of text as they come, failures of single pages
                print(to_json(answer_record(event)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} FILE.pdf QUESTION...")
    main(sys.argv[1], sys.argv[2:])
