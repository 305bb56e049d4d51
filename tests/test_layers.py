"""Who may import whom, and one library, one door: the tables of the project's layout, read out of the source by ast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("smolcli/**/*.py"), *ROOT.glob("gguf_convert/**/*.py")])

NOUNS = {"datatypes", "errors", "jobs", "printable"}
READ = {"media", "tiles", "prompt", "engine"}
MAY_IMPORT = {  # a room of smolcli → the rooms that it sees, itself not named
    "datatypes": {"errors"},
    "errors": set(),
    "printable": set(),
    "jobs": {"datatypes", "errors"},
    "options": {"errors"},
    "settings": {"errors", "files", "options"},
    "media": NOUNS,
    "tiles": NOUNS,
    "prompt": NOUNS,
    "engine": NOUNS,
    "files": NOUNS,
    "streams": set(),
    "store": NOUNS,
    "cache": NOUNS | {"settings", "files"},
    "models": NOUNS | {"settings", "files", "cache"},
    "formats": NOUNS | {"files"},
    "speeds": NOUNS | {"settings"},
    "run": NOUNS | READ,
    "verbs": NOUNS | READ | {"run"},
    "reader": NOUNS | READ | {"run", "verbs", "store", "models", "settings"},
    "checks": NOUNS | READ | {"run", "models", "cache", "settings"},
    "cli": NOUNS
    | READ
    | {
        "checks",
        "options",
        "settings",
        "cache",
        "run",
        "verbs",
        "reader",
        "models",
        "formats",
        "speeds",
        "store",
        "files",
        "streams",
    },
    "__init__": {"datatypes", "errors", "jobs", "reader"},
    "__main__": {"cli"},
}
# Which of the files and folders of smolcli may see gguf_convert: the commands about model files, and models/. What
# reads model files and their tokens may see the reader of headers and the names in them, and nothing else of it.
MAY_CONVERT = ("cli/convert", "cli/inspect", "cli/repair", "cli/_gguf", "checks/measure", "models/")
MAY_READ_GGUF = ("engine/", "cli/prompts")
GGUF_READER = {"gguf_convert.header", "gguf_convert.names", "gguf_convert.errors"}
DOORS = {  # a library → the only files that import it
    "cv2": ("smolcli/media/capture.py",),
    "pymupdf": ("smolcli/media/document.py",),
    "fitz": (),  # PyMuPDF's old name
    "PIL": ("smolcli/media/image.py", "smolcli/media/pillow.py", "smolcli/media/pixels.py", "smolcli/tiles.py"),
    "pillow_heif": ("smolcli/media/image.py",),
    "llama_cpp": ("smolcli/engine/llama/library.py", "gguf_convert/quantize.py"),
    "gguf": ("smolcli/engine/metadata.py", "gguf_convert/"),
    "jinja2": ("smolcli/engine/tokens.py",),
    "huggingface_hub": ("smolcli/models/",),
    "safetensors": ("gguf_convert/",),
    "sqlite3": ("smolcli/store/database.py",),
    "platformdirs": ("smolcli/settings.py",),
    "typer": ("smolcli/cli/",),
    "rich": ("smolcli/cli/",),
    "torch": (),
    "transformers": (),
}
HEAVY = ("cv2", "pymupdf", "PIL", "llama_cpp", "gguf", "jinja2", "numpy", "rich.progress")


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(file: Path) -> list[str]:
    """Every module that a file imports, at any depth, relative ones resolved."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from smolcli import tiles` names a room, `from smolcli.tiles import cut` a thing in it
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "smolcli" else [module]
    return found


def room(file: Path) -> str:
    return file.relative_to(ROOT / "smolcli").with_suffix("").parts[0]


def rooms_seen(file: Path) -> set[str]:
    seen = {module.split(".")[1] for module in imports(file) if module.startswith("smolcli.")}
    return {name for name in seen if (ROOT / "smolcli" / name).is_dir() or (ROOT / f"smolcli/{name}.py").is_file()}


def smolcli_files() -> list[Path]:
    return [file for file in FILES if name_of(file).startswith("smolcli/")]


@pytest.mark.parametrize("file", smolcli_files(), ids=name_of)
def test_a_room_imports_only_the_rooms_below_it(file):
    assert rooms_seen(file) <= MAY_IMPORT[room(file)] | {room(file)}


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


def test_every_door_is_where_the_table_says():
    for library in ("cv2", "pymupdf", "PIL", "llama_cpp", "gguf", "jinja2", "typer"):
        for door in DOORS[library]:
            files = [file for file in FILES if name_of(file).startswith(door)]
            assert any(module.split(".")[0] == library for file in files for module in imports(file)), (library, door)


def test_only_the_error_boundary_and_the_doors_of_hostile_files_and_the_network_catch_every_exception():
    def catches_all(file: Path) -> bool:
        handlers = (
            n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.ExceptHandler)
        )
        return any(h.type is None or (isinstance(h.type, ast.Name) and h.type.id == "Exception") for h in handlers)

    rooms = ("media/document", "media/image", "media/pixels", "models/hub")
    doors = {f"smolcli/{name}.py" for name in rooms}
    assert {name_of(file) for file in FILES if catches_all(file)} <= {"smolcli/cli/__init__.py", *doors}


def test_building_the_command_line_loads_nothing_heavy():
    code = f"import sys, smolcli.cli; smolcli.cli.app(); print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
