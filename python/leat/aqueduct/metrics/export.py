"""Who is told. A flow calls export() every `export_period` seconds, in a thread of its own."""

from abc import ABC, abstractmethod
from typing import Any, Optional, Protocol, Union

from leat.aqueduct.metrics.base import AQUEDUCT, MetricsItems
from leat.aqueduct.metrics.collect import AqueductMetricsStorage

TRANSFER_TIME_PREFIX = "transfer_time"
TASK_SIZE_PREFIX = "task_size"
HANDLE_TIME_PREFIX = "handle_time"
BATCH_TIME_PREFIX = "batch_time"
BATCH_SIZE_PREFIX = "batch_size"
QSIZE_PREFIX = "qsize"
TASKS_PREFIX = "tasks"
MEMORY_USAGE_PREFIX = "memory_usage"
PROCESSES_PREFIX = "processes"


class StatsDBuffer(Protocol):
    """A client of StatsD, as ToStatsDMetricsExporter wants it. Times are in milliseconds."""

    def count(self, name: str, value: Union[float, int]): ...

    def timing(self, name: str, value: Union[float, int]): ...

    def gauge(self, name: str, value: Union[float, int]): ...


class Exporter(ABC):
    """`prefix`: comes after `aqueduct.` in every name."""

    def __init__(self, target: Any, export_period: float = 0.5, prefix: Optional[str] = None):
        self.target = target
        self.export_period = export_period
        self.prefix = AQUEDUCT if prefix is None else f"{AQUEDUCT}.{prefix}"

    @abstractmethod
    def export(self, metrics: AqueductMetricsStorage):
        """What has come since the last call. An exception is logged, and these metrics are lost."""


class ToStatsDMetricsExporter(Exporter):
    def __init__(self, target: StatsDBuffer, export_period: float = 0.5,
                 prefix: Optional[str] = None):
        super().__init__(target, export_period, prefix)

    def export(self, metrics: AqueductMetricsStorage):
        for kind, items, scale in ((HANDLE_TIME_PREFIX, metrics.handle_times, 1000),
                                   (TRANSFER_TIME_PREFIX, metrics.transfer_times, 1000),
                                   (BATCH_TIME_PREFIX, metrics.batch_times, 1000),
                                   (BATCH_SIZE_PREFIX, metrics.batch_sizes, 1),
                                   (QSIZE_PREFIX, metrics.queue_sizes, 1),
                                   (TASK_SIZE_PREFIX, metrics.task_sizes, 1),
                                   (MEMORY_USAGE_PREFIX, metrics.memory_usage, 1)):
            for name, value in items.items:
                self.target.timing(f"{self.prefix}.{kind}.{name}", value * scale)
        for kind, counts in ((TASKS_PREFIX, metrics.tasks_stats),
                             (PROCESSES_PREFIX, metrics.processes_stats)):
            for name, count in counts.items:
                if count > 0:
                    self.target.count(f"{self.prefix}.{kind}.{name}", count)


class DummyExporter(Exporter):
    """Into a storage, whose oldest values make room for new ones."""

    kept = 10_000  # of each kind

    def __init__(self, target: Optional[AqueductMetricsStorage] = None, **kwargs):
        target = AqueductMetricsStorage() if target is None else target
        for items in vars(target).values():
            if isinstance(items, MetricsItems):
                items.kept = self.kept
        super().__init__(target, **kwargs)

    def export(self, metrics: AqueductMetricsStorage):
        self.target.extend(metrics)
