"""A flow's steps as a leat pipeline, and the thread that holds it.

A task comes as input `to_N` of the first step that wants it, its buffers as `b0`, `b1`, ... Each
step gives it as `to_N` of the step that wants it next, or as `out`, so that exactly those steps
run, and nothing comes back here in between.
"""

import os
import pickle
import queue
import re
import sys
import threading

from leat.aqueduct.exceptions import FlowError
from leat.aqueduct.route import SLOT_NAMES, targets

START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker", "start.py")
MOST, DAY = 4096, 86_400  # of a batch, and seconds: a file may say no more
CPUS = min(1024, len(os.sched_getaffinity(0)))
BYTES, BUFFER = "BYTES", "UINT8[?]"


def describe(steps, conditions, setups):
    """The pipeline file. `setups`: for each step the path of what its workers read."""
    later = range(1, len(steps) + 1)
    names = {number: step_name(number, step) for number, step in enumerate(steps, 1)}
    givers = {f"to_{number}": [f"to_{number}"] if f"to_{number}" in targets(conditions, 0) else []
              for number in later}
    written = {}
    for number, step in enumerate(steps, 1):
        before = range(number - 1, 0, -1)
        takes = {"task": {"first_of": givers[f"to_{number}"]}}
        for name in SLOT_NAMES:
            takes[name] = {"optional": {"first_of": [*(f"{names[i]}.{name}" for i in before), name]}}
        gives = {name: BYTES for name in targets(conditions, number)}
        worker = {"spare": step.spare, "time_limit": f"{round(min(step.time_limit or DAY, DAY) * 1000)}ms"}
        made = {
            "python": f"{START}:Step",
            "inputs": takes,
            "params": {"setup": setups[number - 1]},
            "signature": {"inputs": {"task": BYTES, **dict.fromkeys(SLOT_NAMES, BUFFER)},
                          "outputs": {**gives, **dict.fromkeys(SLOT_NAMES, BUFFER)}},
            "instances": step.nprocs,
            "threads": CPUS,  # of the libraries that a handler uses, as outside of leat
            "worker": worker,
        }
        if step.batch_size > 1:
            made["batch"] = {"max": min(step.batch_size, MOST),
                             "delay": f"{round(min(step.batch_timeout, DAY) * 1e6)}us"}
        if step.side_effects:
            made["side_effects"] = True
        written[names[number]] = made
        for name in gives:
            if name != "out":
                givers[name].insert(0, f"{names[number]}.{name}")
    back = range(len(steps), 0, -1)
    return {
        "leat": 1,
        "name": "aqueduct",
        "python_env": sys.executable,
        "inputs": {**{name: {"type": BYTES, "optional": True} for name in targets(conditions, 0)
                      if name != "out"},
                   **{name: {"type": BUFFER, "optional": True} for name in SLOT_NAMES}},
        "steps": written,
        "outputs": {name: {"first_of": [f"{names[i]}.{name}" for i in back]}
                    for name in ("out", *SLOT_NAMES)},
    }


def step_name(number, step):
    """In logs and in the engine's metrics."""
    return f"step{number}_" + re.sub("[^a-z0-9_]", "_", type(step.handler).__name__.lower())


def setup_of(number, step, conditions):
    """What a step's workers are told."""
    try:
        import cloudpickle
    except ImportError as error:
        raise FlowError(f"{error}; pip install leat[aqueduct] brings it") from error
    try:
        told = cloudpickle.dumps((number, step.handler, conditions, step.batch_size), 5)
    except Exception as error:
        kind = type(step.handler).__name__
        raise FlowError(f"step {number}, {kind}, cannot be sent to its processes: {error}; what "
                        f"cannot be pickled belongs into {kind}.on_start()") from error
    return pickle.dumps((sys.path, sys.argv, told), 5)


class Line:
    """The steps, at work. TimeoutError: they were not ready in `timeout` seconds. FlowError: a step
    cannot start."""

    def __init__(self, steps, conditions, max_in_flight, timeout):
        self.setups = [kept_in_memory(setup_of(number, step, conditions))
                       for number, step in enumerate(steps, 1)]
        setups = [f"/proc/{os.getpid()}/fd/{fd}" for fd in self.setups]
        self.document = describe(steps, conditions, setups)
        self.max_in_flight = max_in_flight
        self.ready = queue.SimpleQueue()
        self.leave = threading.Event()
        # Workers live as long as the thread that has started them.
        self.thread = threading.Thread(target=self._hold, daemon=True, name="aqueduct line")
        self.thread.start()
        try:
            made = self.ready.get(timeout=timeout)
        except queue.Empty:
            self.leave.set()
            raise TimeoutError("the flow's steps were not ready in time") from None
        if isinstance(made, BaseException):
            self.thread.join()
            raise FlowError("a step cannot start: " + why(made)) from made
        self.engine, self.pipeline = made

    def _hold(self):
        try:
            import leat

            engine = pipeline = None
            engine = leat.Engine(max_in_flight=self.max_in_flight)
            pipeline = leat.Pipeline(self.document, engine=engine)
        except BaseException as error:
            self.ready.put(error)
        else:
            self.ready.put((engine, pipeline))
            del engine, pipeline
            self.leave.wait()
            if hasattr(self, "engine"):
                self.engine.drain(0)
                del self.engine, self.pipeline
        finally:
            for fd in self.setups:
                os.close(fd)

    def close(self):
        """Ends the workers."""
        self.leave.set()
        self.thread.join()


def why(error):
    """Without the places in a file that nobody has written."""
    return "; ".join(re.findall(r'start\.py:Step": (.*)', str(error))) or str(error)


def kept_in_memory(data):
    """A descriptor."""
    fd = os.memfd_create("aqueduct step", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    return fd
