"""How many processes work, and how many have died."""

from dataclasses import asdict, dataclass
from typing import Iterable, Tuple

from leat.aqueduct.metrics.base import IMetricsItems


@dataclass
class ProcessesStats(IMetricsItems):
    dead: int = 0
    running: int = 0

    @property
    def items(self) -> Iterable[Tuple[str, int]]:
        return asdict(self).items()

    def extend(self, obj: "ProcessesStats"):
        self.dead += obj.dead
        self.running += obj.running

    def add_dead_process(self):
        self.dead += 1

    def add_running_process(self):
        self.running += 1
