"""One task in a flow, from process() until it is back.

Nothing here waits: a call is let in by the gate or put in its queue, the engine tells a thread when
it has ended, and that wakes the loop of the caller.
"""

import asyncio
import heapq
import itertools
import pickle
import threading
from collections import deque
from time import monotonic

from leat.aqueduct.exceptions import FlowError
from leat.aqueduct.logger import log
from leat.aqueduct.parcel import EXPIRED, FAILED, Sent, header_of
from leat.aqueduct.route import SLOT_NAMES, next_step

GRACE = 30.0  # seconds that a handler may go on when nobody waits for its tasks any more
HEAVY = 8 << 20  # bytes: copying more would hold the loop up for milliseconds; another thread does


class Expired(Exception):
    """The caller's patience has ended."""


class RemoteTraceback(Exception):
    """The cause of what a handler has raised: where that was."""

    def __str__(self):
        return f'\n"""\n{self.args[0]}"""'


class Call:
    def __init__(self, flow, task, timeout):
        self.flow, self.task, self.timeout = flow, task, timeout
        self.expires = task.expiration_time
        self.ended = False  # nobody waits any more
        self.stopped = False  # because the flow does
        self.future = self.wake = None

    async def run(self):
        """(the task as it came back, what the steps have noted)"""
        number = next_step(self.flow._conditions, self.task, 1)
        if not number:
            return self.task, ()
        loop = asyncio.get_running_loop()
        self.port = f"to_{number}"
        self.sent = Sent(self.task)
        self.future, self.wake = loop.create_future(), Wake.of(loop)
        timer = loop.call_later(max(0.0, self.timeout), self.expire)
        try:
            if self.flow._gate.enter(self):
                if self.sent.bytes > HEAVY:
                    loop.run_in_executor(None, self.begin)
                else:
                    self.begin()
            answer, error = await self.future
        finally:
            self.ended = True
            timer.cancel()
        if error is not None:
            raise error
        if sum(len(part) for part in answer if part is not None) > HEAVY:
            return await loop.run_in_executor(None, self.opened, answer)
        return self.opened(answer)

    def expire(self):
        self.settle(None, Expired())

    def stop(self):
        """From any thread."""
        self.stopped = True
        if self.wake:
            self.wake.call(self.future.cancel)

    def settle(self, answer, error):
        if not self.future.done():
            self.future.set_result((answer, error))

    def begin(self):
        if not self.go():
            self.flow._gate.leave()

    def go(self):
        """From any thread, once it is let in. False: the engine refuses, and the caller knows."""
        flow, slots = self.flow, self.sent.slots.filled()
        given = {name: array for name, array in zip(SLOT_NAMES, slots) if array is not None}
        given[self.port] = self.sent.text(self.expires, monotonic())
        priority = flow._priorities - self.task.priority if flow._priorities > 1 else 0
        try:
            flow._line.pipeline._start(self.done, timeout=max(0.001, self.timeout) + GRACE,
                                       priority=priority, **given)
        except Exception as error:
            self.tell(None, error)
            return False
        return True

    def done(self, answer, error):
        """On a thread of the engine's."""
        self.flow._gate.leave()
        self.tell(answer, error)

    def tell(self, answer, error):
        if not self.ended:
            self.wake.call(self.settle, answer, error and lost(error))

    def opened(self, answer):
        text, slots = answer[0], answer[1:]
        header = header_of(text)
        if header.kind == EXPIRED:
            raise Expired
        if header.kind == FAILED:
            raise failure(text)
        try:
            task = self.sent.answer(text, header, slots)
        except Exception as error:
            raise FlowError(f"the answer cannot be read: {type(error).__name__}: {error}") from error
        size = len(text) + sum(place[2] for place in header.buffers if place[0] >= 0)
        back = (0, header.sender, monotonic() - header.sent, size, 0.0, 0, 0.0)
        return task, (*header.notes, back)


def lost(error):
    """What the engine says of a call that has no answer."""
    if getattr(error, "code", "") == "deadline":
        return Expired()
    log.error("A task was lost: %s", error)
    made = FlowError(str(error))
    made.__cause__ = error
    return made


def failure(text):
    """What a handler has raised."""
    try:
        error, told = pickle.loads(text)
    except Exception as unread:
        error, told = None, f"its exception cannot be read: {unread}"
    log.error("A handler has raised an exception:\n%s", told)
    if error is None:
        error = FlowError(told.strip().rsplit("\n", 1)[-1])
    error.__cause__ = RemoteTraceback(told)
    return error


class Gate:
    """Lets so many calls in at once; others wait, the highest priority first. From any thread."""

    def __init__(self, most):
        self.most = most
        self.lock = threading.Lock()
        self.inside = 0  # guarded by lock, as is the next
        self.waiting = []  # a heap
        self.order = itertools.count()
        self.sweep = 64  # when so many wait, those that have ended are dropped

    def enter(self, call):
        """True: it is in. False: call.go() will be called, on any thread."""
        with self.lock:
            if self.inside < self.most:
                self.inside += 1
                return True
            if len(self.waiting) >= self.sweep:
                self.waiting = [one for one in self.waiting if not one[2].ended]
                heapq.heapify(self.waiting)
                self.sweep = 2 * len(self.waiting) + 64
            heapq.heappush(self.waiting, (-call.task.priority, next(self.order), call))
            return False

    def leave(self):
        while True:
            with self.lock:
                while self.waiting:
                    _, _, call = heapq.heappop(self.waiting)
                    if not call.ended:
                        break
                else:
                    self.inside -= 1
                    return
            if call.go():
                return


class Wake:
    """Calls functions in an event loop, many with one wake-up."""

    loops = {}  # guarded by lock
    lock = threading.Lock()

    def __init__(self, loop):
        self.loop = loop
        self.ready = deque()
        self.asked = False

    @classmethod
    def of(cls, loop):
        wake = cls.loops.get(loop)
        if wake is None:
            with cls.lock:
                for old in [one for one in cls.loops if one.is_closed()]:
                    del cls.loops[old]
                wake = cls.loops.setdefault(loop, cls(loop))
        return wake

    def call(self, function, *args):
        """From any thread."""
        self.ready.append((function, args))
        if not self.asked:
            self.asked = True
            try:
                self.loop.call_soon_threadsafe(self.work)
            except RuntimeError:  # the loop is closed: nobody waits
                self.ready.clear()

    def work(self):
        self.asked = False
        while self.ready:
            function, args = self.ready.popleft()
            function(*args)
