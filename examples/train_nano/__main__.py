"""`python examples/train_nano VERB …`: train, resume, evaluate, precision, export, preview."""

import importlib
import os
import sys
from pathlib import Path

VERBS = {
    "train": ("train", "from nothing, or with --weights from trained weights"),
    "resume": ("train", "go on with a run that was stopped or killed"),
    "evaluate": ("evaluate", "the table: error rates per class on held-out fonts, words and seeds"),
    "precision": ("precision", "what F16 and Q8_0 cost in reading, of an exported folder"),
    "export": ("export", "weights → Hugging Face folder"),
    "preview": ("preview", "a sheet of drawn samples"),
}


def main() -> None:
    """Find the verb's file and hand the rest of the line to its `main`."""
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in VERBS:
        lines = (f"  {name:9}  {text}" for name, (_, text) in VERBS.items())
        usage = "usage: python examples/train_nano VERB …  (VERB --help tells more)\n" + "\n".join(lines)
        if verb in ("-h", "--help"):
            sys.exit(print(usage))
        sys.exit(usage)
    # Threads that wait for work leave the cores to others, but spin for 50 µs first, which trains a sixth faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    examples = Path(__file__).resolve().parent.parent
    sys.path[:1] = [str(examples), str(examples.parent)]  # this package, and the checkout's smolcli
    from gguf_convert.errors import ConvertError
    from smolcli.errors import SmolError

    try:
        module = importlib.import_module(f"train_nano.{VERBS[verb][0]}")
        (module.resume if verb == "resume" else module.main)(sys.argv[2:])
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as missing:
        sys.exit(f"train_nano: {missing.name} is not installed; in the checkout: pip install -e '.[train]'")
    except (SmolError, ConvertError, OSError) as problem:
        sys.exit(f"train_nano: {problem}")


if __name__ == "__main__":
    main()
