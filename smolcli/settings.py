"""Environment in, settings out: every variable that we read and every path that we may touch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Settings:
    """debug: show tracebacks (SMOL_DEBUG=1). state_dir:

    where measured speeds are kept (SMOL_STATE_DIR, else the XDG state folder).
    """

    debug: bool
    state_dir: Path


def load_settings() -> Settings:
    """The settings of this run."""
    own = os.environ.get("SMOL_STATE_DIR")
    state = Path(own) if own else Path(platformdirs.user_state_dir("smol", appauthor=False))
    return Settings(debug=os.environ.get("SMOL_DEBUG", "") not in ("", "0"), state_dir=state)
