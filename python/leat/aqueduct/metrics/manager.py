"""A flow's collector and exporter, and the thread in which they work: a slow or broken exporter
holds up no event loop."""

import threading
import time

from leat.aqueduct.logger import log
from leat.aqueduct.metrics.collect import Collector
from leat.aqueduct.metrics.export import DummyExporter


class MetricsManager:
    def __init__(self, collector, exporter):
        self.collector = collector
        self.exporter = exporter
        self._stopped = threading.Event()
        self._thread = None

    def start(self, look):
        """`look()` brings to the collector what has to be looked at."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._work, args=(look,), daemon=True,
                                        name="aqueduct metrics")
        self._thread.start()

    def stop(self, patience: float = 1.0):
        """Exports what is left. A thread that does not end in so many seconds is left to itself."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join(patience)
            self._thread = None

    def _work(self, look):
        look_at = 0.0
        while not self._stopped.is_set():
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + self.collector._qsize_collect_period
                self._try(look)
            self._try(self._export)
            self._stopped.wait(max(0.001, self.exporter.export_period))
        self._try(self._export)

    def _export(self):
        self.exporter.export(self.collector.extract_metrics())

    @staticmethod
    def _try(what):
        try:
            what()
        except Exception:
            log.exception("metrics were lost")


def get_metrics_manager(collector=None, exporter=None) -> MetricsManager:
    return MetricsManager(collector or Collector(), exporter or DummyExporter())
