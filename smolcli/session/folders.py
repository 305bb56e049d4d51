"""Which pictures of files and folders are looked at, in options; their names, in the order that is wanted, out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from smolcli.errors import UsageError
from smolcli.files import is_stdout
from smolcli.media import Arrivals, Found, Given, find_pictures, first, require_watching, shuffled, without
from smolcli.options import InputOptions


def given_pictures(paths: Sequence[str] | None, inputs: InputOptions) -> Given:
    """What is to be captioned, as it was typed. Raises UsageError where it cannot be."""
    given = Given(tuple(paths or ()), inputs.files_from, inputs.null)
    given.check()
    return given


def arrivals_of(given: Given, inputs: InputOptions, outputs: Sequence[str]) -> Arrivals | None:
    """What --watch asks for. outputs: files that appear when a run is over. Raises UsageError for what never ends."""
    if not inputs.watch:
        return None
    others = {"--shuffle": inputs.shuffle is not None, "--dry-run": inputs.dry_run}
    if found := [name for name, given in others.items() if given]:
        raise UsageError(f"--watch does not go with {found[0]}: nobody knows what will come.", "Leave one of them out.")
    if outputs := [path for path in outputs if not is_stdout(path)]:
        hint = "Add lines to a file, -o captions.jsonl --append, or write beside the pictures: --sidecar txt"
        raise UsageError(f"{outputs[0]!r} would be written when all is over, and a watch is not.", hint)
    require_watching(given.inputs)
    return Arrivals(given.inputs, inputs.recursive)


def picked(
    given: Given,
    inputs: InputOptions,
    is_finished: Callable[[str], bool] | None = None,
    arrivals: Arrivals | None = None,
) -> Iterator[Found]:
    """The pictures that are to be captioned, in the order in which they are wanted, without those that are finished.

    arrivals: what comes later is among them.
    """
    found: Iterator[Found] = find_pictures(given.names(), inputs.recursive)
    if arrivals is not None:
        found = arrivals.after(found)
    if inputs.shuffle is not None:
        found = shuffled(found, inputs.shuffle)
    if is_finished is not None:
        found = without(found, is_finished)
    return found if inputs.limit is None else first(found, inputs.limit)
