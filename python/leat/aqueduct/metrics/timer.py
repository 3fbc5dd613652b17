"""How long something took."""

import time
from typing import Optional


class Timer:
    """Between start() and stop(), or within a `with`."""

    precision = 5  # digits of a second

    def __init__(self):
        self._start = self._stop = None

    def start(self):
        self._start = time.monotonic()

    def stop(self):
        self._stop = time.monotonic()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def seconds(self) -> Optional[float]:
        if self._start is None or self._stop is None:
            return None
        return round(self._stop - self._start, self.precision)


class TransferTimer(Timer):
    def __init__(self, transfer_from: str):
        super().__init__()
        self.transfer_from = transfer_from
        self.transfer_to = None


timeit = Timer
