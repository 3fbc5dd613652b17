"""What has come together since it was exported last."""

import asyncio
import threading
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, Optional, Tuple

from leat.aqueduct.metrics.base import IMetricsItems, MetricsItems, MetricsTypes
from leat.aqueduct.metrics.processes import ProcessesStats
from leat.aqueduct.metrics.task import TasksMetricsStorage


@dataclass
class TasksStats(IMetricsItems):
    """How many tasks ended, and how."""

    cancel: int = 0
    timeout: int = 0
    complete: int = 0

    @property
    def items(self) -> Iterable[Tuple[str, int]]:
        return asdict(self).items()

    def extend(self, obj: "TasksStats"):
        self.cancel += obj.cancel
        self.timeout += obj.timeout
        self.complete += obj.complete


class AqueductMetricsStorage(TasksMetricsStorage):
    def __init__(self):
        super().__init__()
        self.queue_sizes = MetricsItems()
        self.tasks_stats = TasksStats()
        self.memory_usage = MetricsItems()  # bytes
        self.processes_stats = ProcessesStats()

    def extend(self, obj: TasksMetricsStorage):
        super().extend(obj)
        if isinstance(obj, AqueductMetricsStorage):
            self.queue_sizes.extend(obj.queue_sizes)
            self.tasks_stats.extend(obj.tasks_stats)
            self.memory_usage.extend(obj.memory_usage)
            self.processes_stats.extend(obj.processes_stats)

    def extend_memory_usage(self, metrics: MetricsItems):
        self.memory_usage.extend(metrics)


class Collector:
    """`collectible_metrics`: None for all. `qsize_collect_period`: seconds between looks at queues,
    processes and memory. From any thread."""

    def __init__(self, collectible_metrics: Optional[Iterable[MetricsTypes]] = None,
                 qsize_collect_period: float = 1.0):
        self._lock = threading.Lock()
        self._metrics = AqueductMetricsStorage()  # guarded by _lock
        kinds = MetricsTypes if collectible_metrics is None else collectible_metrics
        self._collectible_metrics = [MetricsTypes(kind) for kind in kinds]
        self._qsize_collect_period = qsize_collect_period

    def is_collectible(self, metrics_type: MetricsTypes) -> bool:
        return metrics_type in self._collectible_metrics

    async def collect_qsize(self, queues_info: Dict[Any, str]):
        """For queues of one's own; a flow's are looked at without a loop."""
        while self.is_collectible(MetricsTypes.QUEUE_SIZE):
            self.add_queue_sizes([(name, q.qsize()) for q, name in queues_info.items()])
            await asyncio.sleep(self._qsize_collect_period)

    def add_queue_sizes(self, sizes):
        with self._lock:
            self._metrics.queue_sizes.add_items(sizes)

    def add_task_metrics(self, metrics: TasksMetricsStorage):
        with self._lock:
            self._metrics.extend(metrics)

    def add_tasks_stats(self, stats: TasksStats):
        with self._lock:
            self._metrics.tasks_stats.extend(stats)

    def add_memory_usage(self, metrics: MetricsItems):
        with self._lock:
            self._metrics.extend_memory_usage(metrics)

    def add_processes_stats(self, stats: ProcessesStats):
        with self._lock:
            self._metrics.processes_stats.extend(stats)

    def extract_metrics(self) -> AqueductMetricsStorage:
        """All of it; from here on it begins anew."""
        with self._lock:
            metrics, self._metrics = self._metrics, AqueductMetricsStorage()
        return metrics
