"""A name in, a trusted pair on this machine out: choose the two files, fetch, check, adopt, record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smolcli.errors import EngineError, ModelError, UsageError
from smolcli.models import catalog, hub, is_builtin
from smolcli.models.adopt import Adoption, as_smol_errors, own_projector, survey
from smolcli.models.catalog import Entry, PublishedFile
from smolcli.models.hub import RemoteFile, Repository
from smolcli.models.installed import LocalPair, Store, record_file
from smolcli.models.naming import file_type, is_projector, stem

LANGUAGE_ORDER = ("q8_0", "f16", "bf16", "q6_k", "q5_k_m", "q4_k_m", "q4_0", "f32")
PROJECTOR_ORDER = ("f16", "bf16", "f32", "q8_0")  # F16 is the fastest on most processors, and can be re-typed
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user typed: a catalog name or a repository, a type or a file, and which projector ("": our choice)."""

    entry: Entry | None
    repository: str
    choice: str = ""
    projector: str = ""

    def name(self, store: Store) -> str:
        """The local name: the catalog's, or the repository's own; with its owner where another model has that name."""
        if self.entry is not None:
            return self.entry.name
        owner, _, own = self.repository.removesuffix("-GGUF").lower().partition("/")
        others = (pair.name.lower() for pair in store.all() if pair.repository.lower() != self.repository.lower())
        taken = catalog.find(own) or is_builtin(own) or own in others
        return f"{owner}-{own}" if taken else own


def parse_wish(text: str, projector: str = "") -> Wish:
    """ "500m-video", "500m-video:f16", "org/repo", "org/repo:q8_0", "org/repo:FILE.gguf". Raises UsageError."""
    name, _, choice = text.partition(":")
    entry = catalog.find(name)
    if entry is not None:
        known = [file.quant for file in entry.language]
        if choice and known and choice.lower() not in known:
            raise UsageError(f"There is no {name} as {choice}.", f"Its types: {', '.join(known)}.")
        return Wish(entry, entry.repository or entry.checkpoint, choice.lower(), projector.lower())
    if not hub.HUB_ID.fullmatch(name):
        known = list(catalog.names())
        raise UsageError(f"{text!r} is no model of the catalog.", f"Known: {', '.join(known)}; or ORG/REPO[:FILE].")
    return Wish(None, name, choice, projector.lower())


def pull(wish: Wish, how: Adoption, quiet: bool = False) -> LocalPair:
    """Fetch, check and record a pair. Raises UsageError, ModelError, OutputError, EngineError."""
    repository = hub.look(wish.repository)
    if not any(file.name.endswith(".gguf") for file in repository.files):
        return _convert(wish, repository, how, quiet)
    language, projector = choose(repository, wish)
    store = Store(how.settings.data_dir)
    name, quant = wish.name(store), file_type(language.name) or "gguf"
    store.require_free(name, quant, repository.id)
    hub.require_room(repository, (language, projector))
    files = [hub.fetch(repository, file, quiet) for file in (language, projector)]
    if wish.entry is not None:
        how = replace(how, longest_edge_px=wish.entry.longest_edge_px)
    record = LocalPair(
        name=name,
        quant=quant,
        language=files[0],
        projector=files[1],
        ram_bytes=0,
        title=stem(Path(language.name)),
        repository=repository.id,
        revision=repository.commit,
        downloaded=True,
    )
    return adopt(_described(record, wish.entry), how)


def add(name: str, language: Path, projector: Path, how: Adoption) -> LocalPair:
    """Give two files of the user's own a name. They stay where they are. Raises UsageError (name), and as `pull`."""
    if catalog.find(name) or is_builtin(name):
        raise UsageError(f"{name} is the name of another model.", "Choose a name of your own.")
    quant = file_type(language.name) or "gguf"
    Store(how.settings.data_dir).require_free(name, quant)
    files = record_file(language), record_file(projector)
    return adopt(LocalPair(name, quant, *files, ram_bytes=0, title=stem(language)), how)


def adopt(record: LocalPair, how: Adoption) -> LocalPair:
    """Check a pair whose files are recorded, make our copy of its projector, and write the record. Raises as `pull`."""
    language, projector = record.language, record.projector
    found = survey(Path(language.path), Path(projector.path))
    how.examiner.check(record.pair())
    own = own_projector(language, projector, found, how)
    record = replace(record, own_projector=own, ram_bytes=found.ram_bytes)
    Store(how.settings.data_dir).save(record)
    return record


def choose(repository: Repository, wish: Wish) -> tuple[RemoteFile, RemoteFile]:
    """Language model and projector. Raises ModelError, UsageError (both list what there is), EngineError (offline)."""
    try:
        return _chosen(repository, wish)
    except (ModelError, UsageError) as error:
        if not repository.offline:
            raise
        what = f"{error.message} Only the cache was looked into: HF_HUB_OFFLINE is set."
        raise EngineError(what, hub.OFFLINE_HINT) from error


def _chosen(repository: Repository, wish: Wish) -> tuple[RemoteFile, RemoteFile]:
    if wish.entry is not None and wish.entry.language:
        parts = (wish.entry.language, wish.choice), (wish.entry.mmproj, wish.projector)
        found = [_promised(repository, _published(files, quant, wish.entry)) for files, quant in parts]
        return found[0], found[1]
    ggufs = [file for file in repository.files if file.name.endswith(".gguf") and not _PART.search(file.name)]
    projectors = [file for file in ggufs if is_projector(file.name)]
    languages = [file for file in ggufs if not is_projector(file.name)]
    if not projectors or not languages:
        what = "projector (mmproj-….gguf)" if not projectors else "language model"
        if not languages and (split := [file.name for file in repository.files if _PART.search(file.name)]):
            raise ModelError(
                f"{repository.id} has its language model only in parts: {', '.join(split)}.",
                "Download them, merge them with: llama-gguf-split --merge FIRST-PART.gguf LM.gguf; "
                "then: smol models add NAME LM.gguf MMPROJ.gguf",
            )
        listed = ", ".join(file.name for file in ggufs) or "none"
        raise ModelError(
            f"{repository.id} has no {what}: a pair needs both files.",
            f"Its GGUF files: {listed}. Give the other with: smol models add NAME LM.gguf MMPROJ.gguf",
        )
    language = _pick(languages, wish.choice, LANGUAGE_ORDER)
    beside = [file for file in projectors if stem(Path(file.name)) == stem(Path(language.name))]
    return language, _pick(beside or projectors, wish.projector, PROJECTOR_ORDER)


def _pick(files: Sequence[RemoteFile], choice: str, order: Sequence[str]) -> RemoteFile:
    """The file of that name or type; without a choice the first type of `order`, else the first file."""
    named = [file for file in files if choice in (file.name, Path(file.name).name)]
    typed = [file for file in files if choice and file_type(file.name) == choice.lower()]
    if choice and not (named or typed):
        listed = ", ".join(file.name for file in files)
        raise UsageError(f"There is no file {choice} in the repository.", f"Its files: {listed}.")
    ranked = sorted(files, key=lambda file: _rank(file_type(file.name), order))
    return (named or typed or ranked)[0]


def _rank(kind: str, order: Sequence[str]) -> int:
    return order.index(kind) if kind in order else len(order)


def _published(files: Sequence[PublishedFile], quant: str, entry: Entry) -> PublishedFile:
    found = [file for file in files if not quant or file.quant == quant]
    if not found:
        known = ", ".join(file.quant for file in files)
        raise UsageError(f"{entry.name} has no such file as {quant}.", f"Its types: {known}.")
    return found[0]


def _promised(repository: Repository, published: PublishedFile) -> RemoteFile:
    """What the Hub says of a file and what the catalog knows of it, the stricter of both.

    Raises ModelError where they contradict each other: then the repository is not the one that was checked.
    """
    file = repository.file(published.file)
    other_bytes = published.bytes is not None and file.bytes not in (None, published.bytes)
    if other_bytes or (published.sha256 and file.sha256 and not file.sha256.startswith(published.sha256)):
        raise ModelError(
            f"{file.name} of {repository.id} is not the file that was checked for this catalog; nothing was fetched.",
            f"If you trust the new one: smol pull {repository.id}:{file.name}",
        )
    return replace(file, bytes=file.bytes or published.bytes, sha256=file.sha256 or published.sha256)


def _convert(wish: Wish, repository: Repository, how: Adoption, quiet: bool) -> LocalPair:
    """A repository with a checkpoint only: fetched, and converted into the data folder."""
    from gguf_convert.convert import AUTO, ConvertOptions, convert, resolve_types

    if not any(file.name.endswith(".safetensors") and "/" not in file.name for file in repository.files):
        raise ModelError(f"{repository.id} has neither GGUF files nor a checkpoint in safetensors.")
    store = Store(how.settings.data_dir)
    name, title = wish.name(store), repository.id.rpartition("/")[2]
    out = how.settings.data_dir / "converted" / name  # no other repository's: the name is its own
    options = ConvertOptions("", out, title, (wish.choice or "q8_0",), (wish.projector or AUTO,), force=True)
    with as_smol_errors():
        (quant,), _ = resolve_types(options)
    store.require_free(name, quant, repository.id)
    how.tell(f"{repository.id} has no GGUF files: fetching its checkpoint to convert it here")
    folder, fetched = hub.fetch_checkpoint(repository, quiet)
    with as_smol_errors():
        made = convert(replace(options, source=str(folder)))
    for file in fetched:  # half a gigabyte and more that nobody else has asked for
        hub.delete(file)
    language, projector = (record_file(file.path) for file in made.files)
    record = LocalPair(
        name=name,
        quant=quant,
        language=language,
        projector=projector,
        ram_bytes=0,
        title=title,
        repository=repository.id,
        revision=repository.commit,
        downloaded=True,
    )
    return adopt(_described(record, wish.entry), replace(how, keep_as_published=True))


def _described(record: LocalPair, entry: Entry | None) -> LocalPair:
    return record if entry is None else replace(record, max_frames=entry.max_frames, note=entry.note)
