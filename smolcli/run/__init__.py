"""THE LOOP: jobs go in, events come out. Files are opened, decoded and cut ahead; answers are kept, then said.

files = OpenFiles(engine.facts, engine.context_tokens)
for event in run(jobs, engine, files, RunOptions()): ...
"""

from __future__ import annotations

from smolcli.run.asking import check_schema
from smolcli.run.cluster import Cluster, Crew, Task, parse_cluster, run_there
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

__all__ = [
    "REFERENCE_FRAMES",
    "Access",
    "AnswerStore",
    "Cluster",
    "Crew",
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
    "Task",
    "Thumbnails",
    "check_schema",
    "cut_pictures",
    "frame_budget",
    "geometry",
    "has_room",
    "load",
    "parse_cluster",
    "passed_on",
    "pictures_of",
    "plan_job",
    "plan_outlined",
    "planned_parts",
    "run",
    "run_there",
]
