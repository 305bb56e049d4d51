"""THE LOOP: jobs go in, events come out. Files are opened, decoded and cut ahead; answers are kept, then said.

files = OpenFiles(engine.facts, engine.context_tokens)
for event in run(jobs, engine, files, RunOptions()): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smolcli.run.asking import check_schema
from smolcli.run.events import Event, Idle, Item, Planned, RunOptions, passed_on
from smolcli.run.frames import REFERENCE_FRAMES, FrameBudget, frame_budget
from smolcli.run.here import run
from smolcli.run.kept import AnswerStore, Kept
from smolcli.run.opened import Access, OpenFiles, pictures_of
from smolcli.run.outlined import Outlined
from smolcli.run.page_texts import PageTexts
from smolcli.run.planning import (
    RequestPlan,
    geometry,
    has_room,
    plan_job,
    plan_outlined,
    planned_parts,
)
from smolcli.run.prepare import Loaded, cut_pictures, load
from smolcli.run.thumbnails import Thumbnails

if TYPE_CHECKING:
    from smolcli.run.cluster import Cluster as Cluster
    from smolcli.run.cluster import Crew as Crew
    from smolcli.run.cluster import Task as Task
    from smolcli.run.cluster import parse_cluster as parse_cluster
    from smolcli.run.cluster import run_there as run_there

_BEYOND = ("Cluster", "Crew", "Task", "parse_cluster", "run_there")
__all__ = [
    "REFERENCE_FRAMES",
    "Access",
    "AnswerStore",
    "Event",
    "FrameBudget",
    "Idle",
    "Item",
    "Kept",
    "Loaded",
    "OpenFiles",
    "Outlined",
    "PageTexts",
    "Planned",
    "RequestPlan",
    "RunOptions",
    "Thumbnails",
    "check_schema",
    "cut_pictures",
    "frame_budget",
    "geometry",
    "has_room",
    "load",
    "passed_on",
    "pictures_of",
    "plan_job",
    "plan_outlined",
    "planned_parts",
    "run",
]


def __getattr__(name: str) -> Any:
    """What only runs on a cluster need; it is imported then."""
    if name not in _BEYOND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smolcli.run import cluster

    return getattr(cluster, name)
