"""Engines."""

import os
import sys
import threading

from leat import _where
from leat._load import _leat

_lock = threading.Lock()
_default = None
_default_of = None  # the process that it was made in


class Engine:
    """Threads, memory and loaded models, shared by all pipelines that are loaded through it.

    threads: that run steps; 0: as many as the CPUs that this process may use.
    max_in_flight: calls at once; more are refused with Overloaded.
    warm_up: run each model once when it is loaded.
    python: the interpreter, or virtual environment, of Python steps that name none. Default: this
        one.
    worker_program: the program that runs steps in processes. Default: the one in the package.

    Nearly everyone needs no Engine: pipelines share default_engine().
    """

    def __init__(self, *, threads=0, max_in_flight=4096, warm_up=True, python=None,
                 worker_program=None):
        self._engine = _leat.Engine(
            threads=threads, max_in_flight=max_in_flight, warm_up=warm_up,
            worker_program=os.fspath(worker_program or _where.worker_program()),
            python=os.fspath(python or sys.executable or ""))

    def metrics(self):
        """Prometheus text of every pipeline, step and arena."""
        return self._engine.metrics()

    def drain(self, timeout=10.0):
        """Refuses new calls with Unavailable, and waits until those under way have ended; after
        `timeout` seconds the rest is cancelled. True if all ended by themselves."""
        return self._engine.drain(timeout)


def default_engine():
    """The one that pipelines use that are given no other; made when it is first needed."""
    global _default, _default_of
    with _lock:
        if _default is None or _default_of != os.getpid():
            _default, _default_of = Engine(), os.getpid()
        return _default


def _forked():
    global _lock
    _lock = threading.Lock()  # another thread may have had it


os.register_at_fork(after_in_child=_forked)

Engine.__module__ = default_engine.__module__ = "leat"
