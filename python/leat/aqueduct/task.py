"""What goes through a flow: arguments and, afterwards, results."""

import uuid
from time import monotonic
from typing import Optional, Sequence, Set, Union

from leat.aqueduct.metrics.task import TaskMetrics
from leat.aqueduct.sharing import SharedFieldsMixin

DEFAULT_PRIORITY = 0


class BaseTask(SharedFieldsMixin):
    """Subclasses add fields. Everything in a task must be picklable; large arrays and bytes that are
    its fields do not go through the pickle."""

    task_id: Union[str, Sequence[str]] = ""
    priority: int = DEFAULT_PRIORITY  # higher goes first
    expiration_time: Optional[float] = None  # of time.monotonic()
    metrics: Optional[TaskMetrics] = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.task_id = str(uuid.uuid4())
        self.priority = DEFAULT_PRIORITY
        self.metrics = TaskMetrics()

    def __repr__(self):
        return f"<{type(self).__name__} {self.__dict__}>"

    __str__ = __repr__

    def set_timeout(self, timeout_sec: float):
        self.expiration_time = monotonic() + timeout_sec

    def set_priority(self, priority: int):
        self.priority = priority

    def is_expired(self) -> bool:
        return self.expiration_time is not None and monotonic() >= self.expiration_time

    def update(self, source_task: "BaseTask", excluded_fields: Optional[Set[str]] = None):
        """Takes the fields of the same task when it has been processed. What this task has shared
        stays the same object, with the content of the other's."""
        kept = BaseTask.__dict__.keys() | (excluded_fields or set())
        kept |= self._update_shared(source_task)
        for field, value in source_task.__dict__.items():
            if field not in kept:
                setattr(self, field, value)


class StopTask(BaseTask):
    """Known for the sake of who imports it: nothing here is stopped by a task."""
