"""Names, and pairs of a name and a value."""

from abc import ABC, abstractmethod
from enum import Enum
from typing import Any, Iterable, List, Optional, Tuple

MAIN_PROCESS = "main_process"
AQUEDUCT = "aqueduct"


class MetricsTypes(Enum):
    """What a Collector can be told to leave out."""

    TASK_TIMERS = "task_timers"
    QUEUE_SIZE = "queue_size"


class IExtendable(ABC):
    @abstractmethod
    def extend(self, obj):
        """Takes in what another one of the same type has."""


class IMetricsItems(IExtendable):
    @property
    @abstractmethod
    def items(self) -> Iterable[Tuple[str, Any]]:
        """Names and values."""


class MetricsItems(IMetricsItems):
    """Values under names; a name may come many times. Of more than `kept` the oldest are dropped,
    so that nothing grows while nobody takes them away."""

    kept = 100_000

    def __init__(self, items: Optional[List[Tuple[str, Any]]] = None):
        self._items = items or []

    @property
    def items(self) -> List[Tuple[str, Any]]:
        return self._items

    def add(self, name: str, value: Any):
        self.add_items([(name, value)])

    def add_items(self, items: List[Tuple[str, Any]]):
        self._items.extend(items)
        if len(self._items) > self.kept:
            del self._items[:-self.kept * 3 // 4]

    def extend(self, obj: "MetricsItems"):
        self.add_items(obj.items)
