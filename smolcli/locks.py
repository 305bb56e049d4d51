"""One lock a library that is not safe for threads, for all of the rooms that use it."""

from __future__ import annotations

import threading

MUPDF = threading.RLock()
