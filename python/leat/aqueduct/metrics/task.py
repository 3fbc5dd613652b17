"""Times and sizes of tasks, in seconds and bytes."""

from typing import Optional

from leat.aqueduct.metrics.base import IExtendable, MetricsItems
from leat.aqueduct.metrics.timer import TransferTimer

KINDS = ("transfer_times", "task_sizes", "handle_times", "batch_times", "batch_sizes")


class TasksMetricsStorage(IExtendable):
    def __init__(self):
        self.transfer_times = MetricsItems()
        self.task_sizes = MetricsItems()
        self.handle_times = MetricsItems()
        self.batch_times = MetricsItems()
        self.batch_sizes = MetricsItems()

    def extend(self, obj: "TasksMetricsStorage"):
        for kind in KINDS:
            getattr(self, kind).extend(getattr(obj, kind))


class TaskMetrics(TasksMetricsStorage):
    """Of one task, on its way. A handler may add its own, which travel with the task."""

    def __init__(self):
        super().__init__()
        self._transfer_timer: Optional[TransferTimer] = None

    def start_transfer_timer(self, transfer_from: str):
        self._transfer_timer = TransferTimer(transfer_from)
        self._transfer_timer.start()

    def stop_transfer_timer(self, transfer_to: str, priority: int = 0):
        self._transfer_timer.stop()
        name = transfer_name(self._transfer_timer.transfer_from, transfer_to, priority)
        self.transfer_times.add(name, self._transfer_timer.seconds)

    def save_task_size(self, task_size: int, transfer_to: str, priority: int = 0):
        name = transfer_name(self._transfer_timer.transfer_from, transfer_to, priority)
        self.task_sizes.add(name, task_size)


class MetricsOfTask:
    """A task's metrics, which are made when somebody asks for them: few do."""

    def __get__(self, task, kind=None):
        if task is None:
            return None
        metrics = task.__dict__["metrics"] = TaskMetrics()
        return metrics


def transfer_name(from_: str, to: str, priority: int) -> str:
    return f"p_{priority}_from_{from_}_to_{to}" if priority > 0 else f"from_{from_}_to_{to}"
