"""Run smol, or a script that uses it, as it is; and write down how clear every greedy answer's choices were.

    python tests/margins.py OUT.jsonl smol ask examples/sign.jpg "What does it say?"
    python tests/margins.py OUT.jsonl examples/python_api.py examples/invoices.pdf "What is the total?"

A line of OUT for each answer: its text, the smallest margin of its steps (logits between the likeliest token and the
next), which step that is of how many, and the text before the first close call.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from scores import CLOSE_CALL, margins


def watch(out: Path) -> None:
    """From here on every engine of this process measures its answers before it closes."""
    from smolcli.engine.smolvlm import SmolVLM
    from smolcli.generation import Generation

    add, step, close = SmolVLM.add, SmolVLM.step, SmolVLM.close

    def watched_add(self, request):
        taken = add(self, request)
        if taken and request.sampling.temperature <= 0:
            self.__dict__.setdefault("asked", {})[request.key] = request.turns
        return taken

    def watched_step(self):
        events = step(self)
        done = [event for event in events if isinstance(event, Generation)]
        asked = self.__dict__.get("asked", {})
        self.__dict__.setdefault("done", []).extend((asked.pop(e.key), e) for e in done if e.key in asked)
        return events

    def watched_close(self, *arguments, **named):
        for turns, answer in self.__dict__.pop("done", []):
            found = margins(self, turns, answer.ids)
            found = found[: len(answer.ids)] if answer.stop_reason == "length" else found  # no token was chosen after
            smallest = int(found.argmin())
            unsure = found < CLOSE_CALL
            sure = answer.ids[: int(unsure.argmax())] if unsure.any() else answer.ids
            record = {
                "text": answer.text,
                "margin": float(found[smallest]),
                "step": smallest,
                "steps": len(found),
                "sure": b"".join(map(self._model.piece, sure)).decode("utf-8", "ignore").strip(),
            }
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        close(self, *arguments, **named)

    SmolVLM.add, SmolVLM.step, SmolVLM.close = watched_add, watched_step, watched_close


def main(out: str, program: str, *argv: str) -> int:
    """Returns the program's exit code."""
    watch(Path(out))
    if program == "smol":
        from smolcli.cli import main as smol

        return smol(list(argv))
    sys.argv = [program, *argv]
    runpy.run_path(program, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
