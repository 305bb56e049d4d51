"""Clips and questions go in; what happens in them comes out, window by window, and what it comes to.

asking = ClipQuestions(files, paths, template, access, watching)
for event in asking.answers(reader.stream(asking.jobs())): ...
"""

from __future__ import annotations

from smolcli.verbs.video.asking import ClipQuestions
from smolcli.verbs.video.clip import Watching
from smolcli.verbs.video.live import live_windows
from smolcli.verbs.video.merging import Merging

__all__ = ["ClipQuestions", "Merging", "Watching", "live_windows"]
