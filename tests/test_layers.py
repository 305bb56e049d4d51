"""Who may import whom, and one library, one door: the tables of the project's layout, read out of the source by ast."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("smolcli/**/*.py"), *ROOT.glob("gguf_convert/**/*.py")])

NOUNS = {"datatypes", "errors", "generation", "jobs", "locks", "measurements", "printable", "regions", "workers"}
READ = {"media", "layout", "tiles", "prompt", "engine"}
MAY_IMPORT = {  # a room of smolcli → the rooms that it sees, itself not named
    "datatypes": {"errors", "printable"},
    "errors": set(),
    "printable": set(),
    "locks": set(),
    "workers": set(),
    "measurements": set(),
    "generation": {"datatypes", "errors"},
    "jobs": {"datatypes", "errors", "generation", "regions"},
    "regions": {"datatypes"},
    "doctags": {"datatypes", "generation", "regions"},
    "extraction": {"errors"},
    "options": {"errors"},
    "settings": {"errors", "files", "options"},
    "media": NOUNS,
    "layout": NOUNS,
    "tiles": NOUNS,
    "prompt": NOUNS,
    "engine": NOUNS,
    "usage": {"errors", "formats", "models", "options", "prompt", "settings"},
    "files": NOUNS,
    "streams": set(),
    "store": NOUNS,
    "cache": NOUNS | {"settings", "files"},
    "models": NOUNS | {"settings", "files", "cache", "engine", "remembered"},
    "formats": NOUNS | {"files", "doctags"},
    "console": NOUNS | {"files", "formats"},
    "remembered": set(),
    "rates": {"remembered"},
    "speeds": NOUNS | {"settings", "remembered"},
    "tuned": NOUNS | {"remembered"},
    "computing": NOUNS | {"engine", "models", "options", "settings", "speeds", "tuned"},
    "run": NOUNS | READ | {"extraction"},
    "verbs": NOUNS | READ | {"run", "doctags"},
    "reader": NOUNS | READ | {"run", "verbs", "store", "models", "settings"},
    "known": {"models"},
    "session": NOUNS
    | READ
    | {
        "console",
        "options",
        "settings",
        "models",
        "reader",
        "run",
        "verbs",
        "speeds",
        "tuned",
        "formats",
        "rates",
        "known",
        "computing",
        "extraction",
        "files",
    },
    "delivery": NOUNS
    | READ
    | {"console", "files", "formats", "options", "rates", "reader", "run", "session", "settings", "speeds"},
    "checks": NOUNS | READ | {"run", "models", "cache", "settings", "speeds", "verbs", "reader", "tuned", "computing"},
    "cli": NOUNS
    | READ
    | {
        "checks",
        "console",
        "delivery",
        "session",
        "options",
        "settings",
        "cache",
        "run",
        "verbs",
        "reader",
        "models",
        "formats",
        "speeds",
        "tuned",
        "computing",
        "store",
        "files",
        "streams",
        "usage",
    },
    "__init__": {"datatypes", "errors", "jobs", "reader"},
    "__main__": {"cli"},
}
# Which of the files and folders of smolcli may see gguf_convert: the commands about model files, and models/. What
# reads model files and their tokens may see the reader of headers and the names in them, and nothing else of it.
MAY_CONVERT = ("cli/convert", "cli/inspect", "cli/repair", "checks/machine", "checks/measure", "models/")
MAY_READ_GGUF = ("engine/", "cli/prompts")
GGUF_READER = {"gguf_convert.header", "gguf_convert.names", "gguf_convert.errors", "gguf_convert.imports"}
PAST_THE_DOOR: dict[str, set[str]] = {}  # a room → what it imports from the inside of another; stays empty
DOORS = {  # a library → the only files that import it
    "cv2": ("smolcli/media/capture.py", "smolcli/layout/"),
    "pymupdf": (
        "smolcli/media/document.py",
        "smolcli/checks/drawn_pictures.py",
        "smolcli/checks/known_pages.py",
        "smolcli/formats/pdf_opening.py",
        "smolcli/formats/pdf_pages.py",
        "smolcli/formats/pdf_pictures.py",
        "smolcli/formats/scripts.py",  # captions that are not Latin
    ),
    "fitz": (),  # PyMuPDF's old name
    "PIL": (
        "smolcli/media/exif.py",
        "smolcli/media/image.py",
        "smolcli/media/pillow.py",
        "smolcli/media/pixels.py",
        "smolcli/tiles.py",
        "smolcli/formats/marked.py",
        "smolcli/formats/pictures.py",
        "smolcli/formats/sheet.py",
        "smolcli/formats/doctags.py",  # a page's size, which docling-core takes from a picture
    ),
    "docling_core": ("smolcli/formats/doctags.py",),
    "av": ("smolcli/media/cutting.py",),
    "scenedetect": ("smolcli/media/scenes.py",),
    "pillow_heif": ("smolcli/media/image.py",),
    "llama_cpp": ("smolcli/engine/llama/library.py", "gguf_convert/quantize.py"),
    "gguf": ("smolcli/engine/metadata.py", "gguf_convert/"),
    "jinja2": ("smolcli/engine/tokens.py",),
    "huggingface_hub": ("smolcli/models/",),
    "safetensors": ("gguf_convert/",),
    "sqlite3": ("smolcli/store/database.py",),
    "watchfiles": ("smolcli/media/arriving.py",),
    "platformdirs": ("smolcli/settings.py",),
    "typer": ("smolcli/cli/", "smolcli/usage/"),
    "rich": ("smolcli/console/bars.py", "smolcli/console/measured.py"),
    "ray": ("smolcli/run/cluster/",),
    "matplotlib": ("smolcli/formats/chart.py",),
    "torch": (),
    "transformers": (),
}
HEAVY = ("cv2", "pymupdf", "PIL", "llama_cpp", "gguf", "jinja2", "numpy", "rich.progress")


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def source_of(node: ast.ImportFrom, file: Path) -> str:
    """The module that `from … import` names, a relative one resolved."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    base = [*package[: len(package) - node.level + 1]] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def imports(file: Path) -> list[str]:
    """Every module that a file imports, at any depth, relative ones resolved."""
    found = []
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = source_of(node, file)
            # `from smolcli import tiles` names a room, `from smolcli.tiles import cut` a thing in it
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "smolcli" else [module]
    return found


def room(file: Path) -> str:
    return file.relative_to(ROOT / "smolcli").with_suffix("").parts[0]


def rooms_seen(file: Path) -> set[str]:
    seen = {module.split(".")[1] for module in imports(file) if module.startswith("smolcli.")}
    return {name for name in seen if (ROOT / "smolcli" / name).is_dir() or (ROOT / f"smolcli/{name}.py").is_file()}


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(file): file for file in FILES}


def gives(module: str) -> set[str]:
    """The names that a file itself imports or defines where it begins."""
    found: set[str] = set()
    for node in tree_of(MODULES[module]).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def named(node: ast.AST, file: Path) -> Iterator[tuple[str, str | None, str]]:
    """Of an import: each module of ours that it reads, the name that it takes out of it (None: itself), and as what."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, None, alias.asname or alias.name) for alias in node.names if alias.name in MODULES)
    elif isinstance(node, ast.ImportFrom) and (module := source_of(node, file)) in MODULES:
        for alias in node.names:
            inner = f"{module}.{alias.name}"  # `from smolcli.models import hub` reads the file hub.py
            if inner in MODULES and (module == module_of(file) or alias.name not in gives(module)):
                yield inner, None, alias.asname or alias.name
            else:
                yield module, alias.name, alias.asname or alias.name


def names_read(file: Path) -> list[tuple[str, str | None, str]]:
    return [found for node in ast.walk(tree_of(file)) for found in named(node, file)]


def read_at_start(tree: ast.AST, file: Path) -> Iterator[str]:
    """The modules that are read when a file is imported: not in a function, not for types only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield from (module for module, _, _ in named(node, file))
        yield from read_at_start(node, file)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def foreign_underscores(file: Path) -> list[str]:
    """Names with an underscore that a file takes from another one, by import or as `module._name`."""
    found = names_read(file)
    taken = [f"{module}: {name}" for module, name, _ in found if name is not None and is_private(name)]
    modules = {bound for _, name, bound in found if name is None}
    attributes = (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute) and is_private(node.attr))
    return taken + [ast.unparse(node) for node in attributes if ast.unparse(node.value) in modules]


def smolcli_files() -> list[Path]:
    return [file for file in FILES if name_of(file).startswith("smolcli/")]


@pytest.mark.parametrize("file", smolcli_files(), ids=name_of)
def test_a_room_imports_only_the_rooms_below_it(file):
    assert rooms_seen(file) <= MAY_IMPORT[room(file)] | {room(file)}


def test_no_room_is_above_and_below_another():
    seen: dict[str, set[str]] = {}
    for file in smolcli_files():
        seen.setdefault(room(file), set()).update(rooms_seen(file) - {room(file)})
    for graph in (MAY_IMPORT, seen):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" → ".join(error.args[1]))


def test_no_file_needs_itself_to_be_imported():
    graph = {}
    for module, file in MODULES.items():
        graph[module] = set(read_at_start(tree_of(file), file)) - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_a_room_is_entered_through_its_door():
    past: dict[str, set[str]] = {}
    for file in smolcli_files():
        for module, _, _ in names_read(file):
            other, _, inside = module.removeprefix("smolcli.").partition(".")
            if module.startswith("smolcli.") and inside and other != room(file):
                past.setdefault(room(file), set()).add(f"{other}.{inside}")
    assert past == PAST_THE_DOOR


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_name_with_an_underscore_stays_in_its_file(file):
    assert foreign_underscores(file) == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_library_is_imported_by_its_door_only(file):
    for module in imports(file):
        library = module.split(".")[0]
        if library in DOORS:
            assert name_of(file).startswith(DOORS[library]) if DOORS[library] else False, f"imports {library}"


def test_gguf_convert_stands_alone():
    users = [name_of(file) for file in FILES if any(module.split(".")[0] == "smolcli" for module in imports(file))]
    assert users
    assert [user for user in users if user.startswith("gguf_convert/")] == []


def test_only_the_commands_about_model_files_see_gguf_convert_and_the_engine_its_reader():
    seen = {
        file.relative_to(ROOT / "smolcli").as_posix(): {m for m in imports(file) if m.split(".")[0] == "gguf_convert"}
        for file in smolcli_files()
    }
    users = {user: modules for user, modules in seen.items() if modules and not user.startswith(MAY_CONVERT)}
    assert {user for user in users if not user.startswith(MAY_READ_GGUF)} == set()
    assert set().union(*users.values()) == GGUF_READER


def test_what_checks_find_is_said_by_the_command_line_alone():
    for file in smolcli_files():
        if room(file) == "checks":
            nodes = list(ast.walk(tree_of(file)))
            assert not any(isinstance(node, ast.Name) and node.id == "print" for node in nodes), name_of(file)
            streams = {n.attr for n in nodes if isinstance(n, ast.Attribute)} & {"stdout", "stderr", "__stdout__"}
            assert not streams, name_of(file)


def test_every_door_is_where_the_table_says():
    for library in ("cv2", "pymupdf", "PIL", "llama_cpp", "gguf", "jinja2", "typer"):
        for door in DOORS[library]:
            files = [file for file in FILES if name_of(file).startswith(door)]
            assert any(module.split(".")[0] == library for file in files for module in imports(file)), (library, door)


def test_only_the_error_boundary_and_the_doors_of_hostile_files_and_the_network_catch_every_exception():
    def catches_all(file: Path) -> bool:
        handlers = (n for n in ast.walk(tree_of(file)) if isinstance(n, ast.ExceptHandler))
        return any(h.type is None or (isinstance(h.type, ast.Name) and h.type.id == "Exception") for h in handlers)

    rooms = ("run/cluster/connecting", "media/document", "media/exif", "media/image", "media/pixels", "models/hub")
    doors = {f"smolcli/{name}.py" for name in rooms}
    assert {name_of(file) for file in FILES if catches_all(file)} <= {"smolcli/cli/__init__.py", *doors}


def test_building_the_command_line_loads_nothing_heavy():
    code = f"import sys, smolcli.cli; smolcli.cli.app(); print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
