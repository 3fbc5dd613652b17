"""What goes through a flow: arguments and, afterwards, results."""

import itertools
import os
import uuid
from time import monotonic
from typing import Optional, Sequence, Set, Union

from leat.aqueduct.metrics.task import MetricsOfTask
from leat.aqueduct.sharing import SharedFieldsMixin

DEFAULT_PRIORITY = 0

_ids = _first = None  # of this process: a counter, and what stands before it


def _new_ids():
    global _ids, _first
    _ids, _first = itertools.count(), str(uuid.uuid4())[:-12]


_new_ids()
os.register_at_fork(after_in_child=_new_ids)


class BaseTask(SharedFieldsMixin):
    """Subclasses add fields. Everything in a task must be picklable; large arrays and bytes that are
    its fields do not go through the pickle."""

    task_id: Union[str, Sequence[str]] = ""
    priority: int = DEFAULT_PRIORITY  # higher goes first
    expiration_time: Optional[float] = None  # of time.monotonic()
    metrics = MetricsOfTask()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.task_id = f"{_first}{next(_ids):012x}"
        self.priority = DEFAULT_PRIORITY

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
