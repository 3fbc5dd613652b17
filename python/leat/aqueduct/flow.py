"""Flows: steps in processes, and the tasks that go through them."""

import asyncio
import multiprocessing
import operator
from enum import Enum
from time import monotonic
from typing import Literal, Optional, Union

from leat.aqueduct.call import Call, Expired, Gate
from leat.aqueduct.exceptions import FlowError, MPStartMethodValueError, NotRunningError
from leat.aqueduct.handler import BaseTaskHandler, HandleConditionType
from leat.aqueduct.logger import log
from leat.aqueduct.metrics.base import MAIN_PROCESS, MetricsTypes
from leat.aqueduct.metrics.collect import Collector, TasksStats
from leat.aqueduct.metrics.export import Exporter
from leat.aqueduct.metrics.manager import get_metrics_manager
from leat.aqueduct.metrics.task import TaskMetrics, transfer_name
from leat.aqueduct.route import ALWAYS
from leat.aqueduct.task import DEFAULT_PRIORITY, BaseTask

ENDLESS = 1 << 20
PATIENCE = 3.0  # seconds that a graceful stop waits for tasks


class FlowStep:
    """`nprocs`: processes. `batch_size`: the most tasks that handle() gets at once; `batch_timeout`:
    seconds that the first may be held for others. `on_start_wait` is taken for the sake of old
    programs.

    leat's own: `time_limit`: seconds after which handle() counts as hung, whoever waits;
    `side_effects`: no task is given to the handler twice, whatever happens; `spare`: one more
    process is kept ready to take the place of one that dies."""

    def __init__(self, handler: BaseTaskHandler,
                 handle_condition: HandleConditionType = operator.truth, nprocs: int = 1,
                 batch_size: int = 1, batch_timeout: float = 0, on_start_wait: float = 0, *,
                 time_limit: Optional[float] = None, side_effects: bool = False,
                 spare: bool = False):
        for name, value in (("nprocs", nprocs), ("batch_size", batch_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}; 1 or more is allowed")
        if batch_timeout < 0:
            raise ValueError(f"batch_timeout is {batch_timeout}; seconds, 0 or more, are allowed")
        if time_limit is not None and time_limit <= 0:
            raise ValueError(f"time_limit is {time_limit}; seconds, more than 0, are allowed")
        self.handler = handler
        self.handle_condition = handle_condition
        self.nprocs = nprocs
        self.batch_size = batch_size
        self.batch_timeout = batch_timeout
        self.on_start_wait = on_start_wait
        self.time_limit = time_limit
        self.side_effects = side_effects or getattr(handler, "side_effects", False)
        self.spare = spare


class FlowState(Enum):
    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STEPS_INITIALIZED = "steps_initialized"


class Flow:
    """`queue_size`: how many tasks may wait for a step, by default three batches of it and at least
    20; process() waits when as many are in the flow as its queues and processes hold. Of
    `queue_priorities` priorities the highest number goes first. `mp_start_method` must be this
    program's, and has no effect otherwise: the processes are started anew.

    Threads: start() and stop() from one, process() from any number of event loops."""

    def __init__(self, *steps: Union[FlowStep, BaseTaskHandler], metrics_enabled: bool = True,
                 metrics_collector: Optional[Collector] = None,
                 metrics_exporter: Optional[Exporter] = None, queue_size: Optional[int] = None,
                 queue_priorities: int = 1,
                 mp_start_method: Literal["fork", "spawn", "forkserver"] = "fork"):
        if mp_start_method not in ("fork", multiprocessing.get_start_method()):
            raise MPStartMethodValueError(
                f"mp_start_method is {mp_start_method!r}, and the program's is "
                f"{multiprocessing.get_start_method()!r}; they must be the same")
        if queue_priorities < 1:
            raise ValueError(f"queue_priorities is {queue_priorities}; 1 or more is allowed")
        self._steps = [step if isinstance(step, FlowStep) else FlowStep(step) for step in steps]
        self._conditions = [ALWAYS if step.handle_condition is operator.truth
                            else step.handle_condition for step in self._steps]
        self._names = [MAIN_PROCESS, *(step.handler.get_step_name(number)
                                       for number, step in enumerate(self._steps, 1))]
        self._priorities = queue_priorities
        if not metrics_enabled:
            log.warning("Metrics collecting is disabled")
            metrics_collector = Collector(collectible_metrics=[])
        self._metrics_manager = get_metrics_manager(metrics_collector, metrics_exporter)
        self._metrics_enabled = metrics_enabled
        self._gate = Gate(sum(held(step, queue_size) for step in self._steps) or 1)
        self._state = FlowState.STOPPED
        self._line = None
        self._calls = set()
        self._restarts = {}

    @property
    def state(self) -> FlowState:
        return self._state

    @property
    def is_running(self) -> bool:
        return self._state == FlowState.RUNNING

    @property
    def are_steps_initialized(self) -> bool:
        return self._state == FlowState.STEPS_INITIALIZED

    @property
    def need_collect_task_timers(self) -> bool:
        return self._metrics_manager.collector.is_collectible(MetricsTypes.TASK_TIMERS)

    def start(self, timeout: Optional[float] = None):
        """Returns when every on_start() has returned. TimeoutError: that took longer than `timeout`
        seconds. FlowError: an on_start() has raised."""
        log.info("Flow is starting")
        self._state = FlowState.STARTING
        self._start_steps(timeout)
        self._run()

    def init_processes(self, timeout: Optional[float] = None):
        """The first half of start()."""
        log.info("Flow inits step processes")
        self._start_steps(timeout)
        self._state = FlowState.STEPS_INITIALIZED

    def start_inited(self):
        """The second half, in the same process."""
        if self._line is None and self._steps:
            raise FlowError("the flow's steps have not been started: init_processes() does that")
        self._run()

    async def process(self, task: BaseTask, timeout_sec: float = 5.0) -> bool:
        """Takes the task through the steps; results are in the task afterwards.

        FlowError: it was not ready in `timeout_sec`, the flow was stopped, or a process was lost
        with it. NotRunningError: the flow does not run. Whatever else a handler raised comes as it
        is, with the traceback of its process as the cause."""
        if self._state != FlowState.RUNNING:
            raise NotRunningError("the flow does not run: call start()")
        task.priority = max(DEFAULT_PRIORITY, min(task.priority, self._priorities - 1))
        task.set_timeout(timeout_sec)
        begin = monotonic()
        call = Call(self, task, timeout_sec)
        stats = TasksStats()
        self._calls.add(call)
        try:
            finished, notes = await call.run()
            stats.complete += 1
        except asyncio.CancelledError:
            stats.cancel += 1
            if not call.stopped:
                raise
            raise FlowError("Task was cancelled") from None
        except Expired:
            stats.timeout += 1
            raise FlowError("Task timeout error") from None
        finally:
            self._calls.discard(call)
            if self._metrics_enabled:
                self._metrics_manager.collector.add_tasks_stats(stats)
        if self.need_collect_task_timers:
            self._metrics_manager.collector.add_task_metrics(
                self._metrics_of(task, finished, notes, monotonic() - begin))
        if finished is not task:
            task.update(finished)
        return True

    async def stop(self, graceful: bool = True):
        """Lets no new task in. A graceful stop waits for those under way, for some seconds; the
        others fail with FlowError. Then the processes end."""
        if self._state not in (FlowState.RUNNING, FlowState.STEPS_INITIALIZED):
            log.info("Flow is not running")
            return
        self._state = FlowState.STOPPING
        log.info("Flow is stopping")
        until = monotonic() + PATIENCE
        while graceful and self._calls and monotonic() < until:
            await asyncio.sleep(0.01)
        for call in list(self._calls):
            call.stop()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._end)
        self._state = FlowState.STOPPED
        log.info("Flow was stopped")

    # --- The rest is the flow's own.

    def _start_steps(self, timeout):
        if not self._steps or self._line is not None:
            return
        from leat.aqueduct.line import Line

        try:
            self._line = Line(self._steps, self._conditions, self._gate.most + 1, timeout)
        except BaseException:
            self._state = FlowState.STOPPED
            raise
        log.info("Flow steps are ready: %s", ", ".join(self._names[1:]))

    def _leave_processes(self):
        """They end; another process is to have its own."""
        self._end()
        self._state = FlowState.STOPPED

    def _run(self):
        self._metrics_manager.start(self._look)
        self._state = FlowState.RUNNING
        log.info("Flow was started")

    def _end(self):
        self._metrics_manager.stop()
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _look(self):
        if self._line is not None and self._metrics_enabled:
            from leat.aqueduct.looks import look

            look(self._line.engine, self._steps, self._names,
                 self._metrics_manager.collector, self._restarts)

    def _metrics_of(self, task, finished, notes, seconds):
        """What the steps have noted, under Aqueduct's names. The last note is the way back."""
        metrics = vars(finished).get("metrics") or TaskMetrics()
        names = self._names
        for number, sender, transfer, size, took, batch, waited in notes:
            name = transfer_name(names[sender], names[number], task.priority)
            metrics.transfer_times.add(name, round(transfer, 5))
            metrics.task_sizes.add(name, size)
            if number:
                metrics.handle_times.add(names[number], round(took, 5))
            if batch:
                metrics.batch_times.add(names[number], round(waited, 5))
                metrics.batch_sizes.add(names[number], batch)
        metrics.handle_times.add("total", round(seconds, 5))
        return metrics


def held(step, queue_size):
    """Tasks that may be at a step, in its queue and in its processes."""
    waiting = max(3 * step.batch_size, 20) if queue_size is None else queue_size
    if waiting <= 0:  # as of multiprocessing's queues
        waiting = ENDLESS
    return waiting + step.batch_size * step.nprocs
