"""Environment and config.toml in, settings out: every variable that we read and every folder that we may touch.

A value comes from the first of: the flag that was typed, the environment (SMOL_ and the setting's name in capitals),
config.toml, the default. config.toml is flat: `threads = 4`, one setting a line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from smolcli.errors import UsageError
from smolcli.options import GROUPS, Option, default_text, options_of, with_default

Kind = Literal["text", "number", "folder", "switch", "size"]
_KIND_NAMES: dict[Kind, str] = {
    "text": "a text in quotes, and not an empty one",
    "number": "a whole number",
    "folder": "a folder's path in quotes",
    "switch": "true or false (1 or 0, yes or no, on or off)",
    "size": 'a number of bytes, or a size such as "10 GB"',
}
_MOST_DIGITS = 15  # of a number of bytes
_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
CONFIG_VARIABLE = "SMOL_CONFIG"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings. `option`: it is the default of this option, of the same name; most: of a number
    from 0 that is none's.
    """

    name: str
    kind: Kind
    default: str | int | bool | None
    help: str
    option: Option | None = None
    most: int = 0

    @property
    def rule(self) -> Option | None:
        """What its value has to be, where that is more than of a kind."""
        if self.option is None and self.kind == "number":
            return Option(self.help, minimum=0, maximum=self.most)
        return self.option

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"SMOL_{self.name.upper()}"


def _of_options() -> Iterator[Setting]:
    """The rows of the options that can be set."""
    for group in GROUPS:
        options = options_of(group)
        for field in fields(group):
            option = options[field.name]
            if option.setting:
                kind: Kind = "number" if int in get_args(field.type) else "text"
                text = with_default(option.sentence, option.default_text or default_text(field.default))
                yield Setting(field.name, kind, None, text, option)


TABLE = (
    *_of_options(),
    Setting("store", "switch", True, "Keep what was computed, so that it need not be computed again."),
    Setting("store_size", "size", "2 GB", "Most that the store may hold; never over a tenth of the free disk."),
    Setting("ahead_threads", "number", 2, "Threads that decode ahead of the model; 0 for none.", most=64),
    Setting("ahead_size", "size", "256 MB", "Most memory for what is decoded ahead."),
    Setting("cache_size", "size", "20 GB", "Most that the cache may hold."),
    Setting("cache_dir", "folder", None, "What can be made again: the store, converted folders, projector copies."),
    Setting("data_dir", "folder", None, "Which models are on this machine."),
    Setting("state_dir", "folder", None, "Measured speeds."),
    Setting("debug", "switch", False, "Show tracebacks."),
)
_BY_NAME = {setting.name: setting for setting in TABLE}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting's value (`values`, by name) and where it came from (`origins`: "default", a variable, a file)."""

    config_file: Path
    values: Mapping[str, Any]
    origins: Mapping[str, str]

    @property
    def debug(self) -> bool:
        """Show tracebacks (SMOL_DEBUG=1)."""
        return bool(self.values["debug"])

    @property
    def state_dir(self) -> Path:
        """Where measured speeds are kept."""
        return Path(self.values["state_dir"])

    @property
    def data_dir(self) -> Path:
        """Where it is written down which models are on this machine."""
        return Path(self.values["data_dir"])

    @property
    def cache_dir(self) -> Path:
        """Where things are kept that can be made again."""
        return Path(self.values["cache_dir"])

    @property
    def store_dir(self) -> Path:
        """Where it is kept what was computed."""
        return self.cache_dir / "store"

    @property
    def cache_size_bytes(self) -> int:
        """The most that the cache may hold."""
        return int(self.values["cache_size"])

    def option_defaults(self) -> dict[str, Any]:
        """Option name → value, for the options that the user has set outside the command line."""
        ours = (s.name for s in TABLE if s.option is not None)
        return {name: self.values[name] for name in ours if self.origins[name] != "default"}


def config_path() -> Path:
    """Where config.toml is looked for: SMOL_CONFIG, else the user's configuration folder (XDG). Raises UsageError."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(_expanded(named, CONFIG_VARIABLE))
    return Path(_user_folder("config_dir", CONFIG_VARIABLE)) / "config.toml"


def load_settings() -> Settings:
    """The settings of this run. Raises UsageError for a config.toml that cannot be meant."""
    path = config_path()
    file = _read(path)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in TABLE:
        given = os.environ.get(setting.variable, "")
        if given:
            values[setting.name], origin = _from_text(setting, given, setting.variable), setting.variable
        elif setting.name in file:
            values[setting.name], origin = _checked(setting, file[setting.name], str(path)), str(path)
        else:
            values[setting.name], origin = _default(setting), "default"
        origins[setting.name] = origin
    return Settings(path, values, origins)


def find_setting(name: str) -> Setting:
    """The row of a name, in either spelling. Raises UsageError, which lists the known."""
    setting = _BY_NAME.get(name.replace("-", "_"))
    if setting is None:
        raise UsageError(f"There is no setting {name!r}.", f"Known: {', '.join(_BY_NAME)}.")
    return setting


def change(name: str, text: str | None) -> Path:
    """Write one setting to config.toml (None: take it out), every other line kept; a link stays a link.

    Raises UsageError, OutputError.
    """
    from smolcli.files import write_text

    setting, path = find_setting(name), config_path()
    _read(path)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [line for line in before.splitlines() if not re.match(rf"\s*{setting.name}\s*=", line)]
    if text is not None:
        lines.append(f"{setting.name} = {_toml(setting, text, _from_text(setting, text))}")
    result = "".join(f"{line}\n" for line in lines)
    try:
        tomllib.loads(result)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} cannot be changed by a program ({error}).", "Edit it by hand.") from error
    write_text(path.resolve(), result)
    return path


def parse_size(text: str) -> int | None:
    """ "10 GB", "500MiB", "1000" → bytes; None for anything else."""
    match = _SIZE.fullmatch(text)
    unit = _UNITS.get(match[2].lower()) if match else None
    return int(float(match[1]) * unit) if match and unit else None


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of 5000 digits
        raise UsageError(f"{path} cannot be read: {error}.", "Correct it, or move it away.") from error
    if unknown := [key for key in table if key not in _BY_NAME]:
        raise UsageError(f"{path} sets {unknown[0]!r}, which is no setting.", f"Known: {', '.join(_BY_NAME)}.")
    return table


def _checked(setting: Setting, value: Any, where: str) -> Any:
    """A value of config.toml, of the setting's type."""
    kind = setting.kind
    if kind == "switch" and isinstance(value, bool):
        return value
    if kind == "number" and type(value) is int:
        return _allowed(setting, value, where)
    if kind == "size" and type(value) is int and 0 <= value < 10**_MOST_DIGITS:
        return value
    if kind == "text" and type(value) is int and setting.option is not None and setting.option.minimum is not None:
        value = str(value)  # a word, or a number in its place
    if kind in ("text", "folder", "size") and isinstance(value, str):
        return _from_text(setting, value, where)
    raise _wrong(setting, value, where)


def _from_text(setting: Setting, text: str, where: str = "") -> Any:
    """A value of the environment, a text of config.toml, or one that is to be written there (`where` is empty)."""
    value: Any = text or None
    if setting.kind == "switch":
        value = _SWITCH.get(text.lower())
    elif setting.kind == "folder" and text:
        value = _expanded(text, where or setting.name)
    elif setting.kind == "size":
        value = parse_size(text)
    if value is None:
        raise _wrong(setting, text, where)
    return _allowed(setting, value, where)


def _allowed(setting: Setting, value: Any, where: str) -> Any:
    """The value as the setting's option knows it. Raises UsageError for one that the option cannot have."""
    rule = setting.rule
    if rule is None:
        return value
    try:
        return rule.checked(value, setting.name)
    except UsageError:
        raise _wrong(setting, value, where) from None


def _expanded(folder: str, where: str) -> str:
    """A path whose ~ is written out. Raises UsageError."""
    try:
        return str(Path(folder).expanduser())
    except RuntimeError as error:
        raise UsageError(f"{folder} in {where} is in nobody's home folder.", "Write the whole path.") from error


def _wrong(setting: Setting, value: Any, where: str) -> UsageError:
    said = f"{setting.name} is {value!r} in {where}." if where else f"{setting.name} cannot be {value!r}."
    allowed = setting.rule.allowed if setting.rule is not None else ""
    return UsageError(said, f"It must be {allowed or _KIND_NAMES[setting.kind]}.")


def _toml(setting: Setting, text: str, value: Any) -> str:
    """A value as config.toml has it; folders and sizes as they were typed."""
    if setting.kind in ("switch", "number"):
        return str(value).lower()
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    """A character of a TOML basic string."""
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _default(setting: Setting) -> Any:
    if setting.kind == "size":
        return parse_size(str(setting.default))
    return _user_folder(setting.name, setting.variable) if setting.kind == "folder" else setting.default


def _user_folder(kind: str, variable: str) -> str:
    """Our folder of that kind ("cache_dir") where the system keeps such things (XDG). Raises UsageError."""
    import platformdirs

    try:
        return str(getattr(platformdirs, f"user_{kind}")("smol", appauthor=False))
    except RuntimeError as error:
        raise UsageError("This user has no home folder.", f"Set HOME, or {variable} to a path.") from error
