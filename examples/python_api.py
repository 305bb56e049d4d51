"""smol as a library: ask the same questions of every page of a PDF, and print the answers as JSON.

    python examples/python_api.py FILE.pdf "What is the total?" "What is the date?"

The path of a file: a verb makes Jobs (what is asked of which page) → the reader decodes, cuts and reads → Answer.
What was answered before, by the command line too, is not computed again.
"""

import sys

import smolcli
from smolcli.formats import answer_record, failure_record, to_json
from smolcli.run import Access
from smolcli.verbs import docvqa


def main(file: str, questions: list[str]) -> None:
    with smolcli.open() as reader:  # the built-in model; else a name, a GGUF file or a folder
        jobs = docvqa(reader.files, [file], reader.template("docvqa", questions), Access())
        for found in reader.read(jobs):
            done = isinstance(found, smolcli.Answer)
            print(to_json(answer_record(found) if done else failure_record(found)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} FILE.pdf QUESTION...")
    main(sys.argv[1], sys.argv[2:])
