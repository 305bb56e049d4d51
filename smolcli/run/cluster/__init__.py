"""BEYOND ONE MACHINE: the same jobs on the nodes of a Ray cluster, the same events back. The one door to Ray.

options = parse_cluster("local:2")
with Crew(options, Task(model, engine, running), version) as crew:
    for event in run_there(jobs, crew, files, running): ...
"""

from __future__ import annotations

from smolcli.run.cluster.address import Cluster, parse_cluster
from smolcli.run.cluster.crew import Crew
from smolcli.run.cluster.nouns import Model, ModelFile, Task
from smolcli.run.cluster.there import run_there

__all__ = ["Cluster", "Crew", "Model", "ModelFile", "Task", "parse_cluster", "run_there"]
