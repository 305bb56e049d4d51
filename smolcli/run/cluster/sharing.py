"""A node in; how many actors it has, and what Ray sets aside for each of them, out."""

from __future__ import annotations

from dataclasses import dataclass

from smolcli.engine import EngineOptions
from smolcli.run.cluster.address import Cluster
from smolcli.run.cluster.connecting import Node


@dataclass(frozen=True, slots=True)
class Share:
    """actors: on the node; cpus, gpus: of each."""

    actors: int
    cpus: float
    gpus: float


def share_of(node: Node, cluster: Cluster, engine: EngineOptions) -> Share:
    """As the user says; else an actor for each GPU, and on a node without any one actor that has all processors."""
    gpus = cluster.gpus
    if gpus is None:
        gpus = min(1.0, node.gpus / (cluster.actors or 1)) if engine.device != "cpu" else 0.0
    actors = cluster.actors or (max(1, int(node.gpus / gpus)) if gpus else 1)
    cpus = min(node.cpus / actors, engine.threads or node.cpus)
    return Share(actors, float(int(cpus)) if cpus >= 1 else cpus, gpus)
