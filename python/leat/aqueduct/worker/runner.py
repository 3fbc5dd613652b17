"""A step of a flow in one of its processes: tasks come, the handler has them, and they go on.

The steps of a flow are numbered from 1; the step of that number that wants a task next is found
here, by the conditions of those that follow. An exception of the handler goes to the caller in the
place of the task.
"""

import os
import pickle
import traceback
from time import monotonic

import leat_step

from leat.aqueduct.parcel import EXPIRED, FAILED, TASK, Passed, Received, header_of, join
from leat.aqueduct.pickling import dumps
from leat.aqueduct.route import SLOT_NAMES, next_step, targets


class Runner:
    def __init__(self, told):
        self.number, self.handler, self.conditions, self.batch_size = pickle.loads(told)
        self.targets = targets(self.conditions, self.number)
        self.free = monotonic()
        self.handler.on_start()

    def __call__(self, batch):
        """Of leat_step: {input: [value of each item]}."""
        came = monotonic()
        texts = batch["task"]
        slots = list(zip(*(batch[name] for name in SLOT_NAMES)))
        given = [Given(self, text, slots[i]) for i, text in enumerate(texts)]
        alive = [one for one in given if one.read(came)]
        for begin in range(0, len(alive), self.batch_size):
            self.handle(alive[begin:begin + self.batch_size], came)
            came = monotonic()
        outputs = {name: [None] * len(texts) for name in [*self.targets, *SLOT_NAMES]}
        for i, one in enumerate(given):
            outputs[one.target][i] = one.text
            for name, array in zip(SLOT_NAMES, one.slots):
                outputs[name][i] = array
        self.free = monotonic()
        return outputs

    def handle(self, batch, came):
        """Several at once; if that fails each alone, so that only those to blame fail."""
        waited = max(0.0, came - max(self.free, min(one.header.sent for one in batch)))
        begin = monotonic()
        try:
            self.handler.handle(*[one.task for one in batch])
        except Exception as error:
            if len(batch) == 1:
                return batch[0].failed(error)
            error.__traceback__ = None
            for one in batch:
                one.restore()
            for one in batch:
                if one.read_again():
                    self.handle([one], came)
            return
        took = monotonic() - begin
        for i, one in enumerate(batch):
            size = len(batch) if i == 0 and self.batch_size > 1 else 0
            one.done(took, size, waited)


class Given:
    """An item: a task that came, and what goes on in its place."""

    def __init__(self, runner, text, slots):
        self.runner = runner
        self.header = header_of(text)
        self.received = Received(text, self.header, slots)
        self.bytes = len(text) + sum(place[2] for place in self.header.buffers)
        self.came = monotonic()
        self.task = None
        self.target, self.text, self.slots = "out", None, ()

    def read(self, now):
        """False if there is nothing to be done any more."""
        if now >= self.header.expires:
            self.text = join(b"", EXPIRED, 0.0, monotonic(), self.runner.number, (), ())
            return False
        return self.read_again()

    def read_again(self):
        try:
            self.task = self.received.task()
            self.task.__dict__["expiration_time"] = self.header.expires
        except Exception as error:
            self.failed(error)
        return self.task is not None

    def restore(self):
        self.task = None
        for array in self.received.slots:
            if array is not None:
                leat_step.restore(array)

    def done(self, took, size, waited):
        task, self.task = self.task, None
        try:
            number = next_step(self.runner.conditions, task, self.runner.number + 1)
            passed = Passed(self.received, task, number == 0, leat_step.written)
        except Exception as error:
            return self.failed(error)
        note = (self.runner.number, self.header.sender, self.came - self.header.sent, self.bytes,
                took, size, waited)
        self.text = passed.text(TASK, self.header.expires, monotonic(), self.runner.number,
                                (*self.header.notes, note))
        self.target = f"to_{number}" if number else "out"
        self.slots = passed.slots.filled()

    def failed(self, error):
        told = "".join(traceback.format_exception(type(error), error, shown(error.__traceback__)))
        error.__traceback__ = None
        self.task = None
        self.target, self.slots = "out", ()
        self.text = join(exception_text(error, told), FAILED, 0.0, monotonic(), self.runner.number,
                         (), ())


def exception_text(error, told):
    """The pickle of an exception and its traceback; of the traceback alone where the exception
    cannot be pickled, or read again."""
    try:
        text = dumps((error, told))
        pickle.loads(text)
        return text
    except Exception:
        return dumps((None, told))


def shown(frames):
    """From the handler's own code on."""
    here = os.path.dirname(os.path.dirname(__file__))
    while frames and frames.tb_next and frames.tb_frame.f_code.co_filename.startswith(here):
        frames = frames.tb_next
    return frames
