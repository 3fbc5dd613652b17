"""A task on its way: a text, and buffers beside it.

The text is a pickle (pickling.py), followed by a header and the header's length. Buffers lie in the
slots that a pipeline has for them, in shared memory, so that a process hands on what it has not
changed without touching it, and what comes back unchanged is the caller's own object.
"""

import marshal

import numpy as np

from leat.aqueduct.pickling import shaped, task_of, task_text

SLOTS = 4
ALIGN = 64
LENGTH = 4  # bytes of the header's length

TASK, FAILED, EXPIRED = range(3)  # what a text is


class Header(tuple):
    """What it is (TASK, FAILED, EXPIRED), when it expires and when it was sent (time.monotonic()),
    the step that sent it (0: the main process), what steps have noted, and of each buffer its slot
    (-1: none, it is the caller's own), where in it, its size, and its number at the caller (-1)."""

    __slots__ = ()
    kind = property(lambda self: self[0])
    expires = property(lambda self: self[1])
    sent = property(lambda self: self[2])
    sender = property(lambda self: self[3])
    notes = property(lambda self: self[4])
    buffers = property(lambda self: self[5])


def join(pickled, *header):
    head = marshal.dumps(header)
    return b"".join((pickled, head, len(head).to_bytes(LENGTH, "little")))


def header_of(text):
    end = len(text) - LENGTH
    return Header(marshal.loads(text[end - int.from_bytes(text[end:], "little"):end]))


class Slots:
    """Which buffer goes where. The last slot takes all that find no other."""

    def __init__(self):
        self.arrays = []
        self.places = []

    def put(self, array, number):
        if len(self.arrays) < SLOTS:
            self.places.append((len(self.arrays), 0, array.nbytes, number))
            self.arrays.append([array])
        else:
            begin = -(-sum(one.nbytes for one in self.arrays[-1]) // ALIGN) * ALIGN
            have = sum(one.nbytes for one in self.arrays[-1])
            if begin > have:
                self.arrays[-1].append(np.zeros(begin - have, np.uint8))
            self.places.append((SLOTS - 1, begin, array.nbytes, number))
            self.arrays[-1].append(array)

    def leave(self, size, number):
        """The caller has it."""
        self.places.append((-1, 0, size, number))

    def filled(self):
        """An array, or None, of each slot."""
        whole = [pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
                 for pieces in self.arrays]
        return whole + [None] * (SLOTS - len(whole))


def bytes_of(value):
    """Its memory as an array."""
    return np.frombuffer(value, np.uint8)


# --- At the caller.


class Sent:
    """A task that the main process sends, and the buffers that it keeps."""

    def __init__(self, task):
        self.values = []
        self.slots = Slots()
        self.pickled = task_text(task, self.put)
        self.bytes = len(self.pickled) + sum(place[2] for place in self.slots.places)

    def put(self, value, array):
        number = len(self.values)
        self.values.append(value)
        self.slots.put(bytes_of(value) if array is None else array, number)
        return number

    def text(self, expires, now):
        return join(self.pickled, TASK, expires, now, 0, (), tuple(self.slots.places))

    def answer(self, text, header, slots):
        """The task as it came back. `slots`: arrays, or None."""
        return task_of(text, Returned(self.values, header.buffers, slots))


class Returned:
    def __init__(self, values, places, slots):
        self.values, self.places, self.slots = values, places, slots

    def flat(self, number):
        slot, begin, size, _ = self.places[number]
        return self.slots[slot][begin:begin + size]

    def text(self, number, kind):
        slot, _, _, own = self.places[number]
        if slot < 0:
            value = self.values[own]
            return value if isinstance(value, kind) else kind(bytes_of(value))
        return kind(self.flat(number).data)

    def array(self, number, dtype, shape, order):
        slot, _, _, own = self.places[number]
        if slot < 0:
            value = self.values[own]
            if isinstance(value, np.ndarray):
                if value.dtype == dtype and value.shape == shape:
                    return value
                value = value.ravel(order="K").view(np.uint8)
            else:
                value = bytes_of(value)
            return shaped(value, dtype, shape, order)
        # A copy: memory of a worker is lent, and whoever keeps a result would keep it.
        return shaped(self.flat(number).copy(), dtype, shape, order)


# --- At a step.


class Received:
    """A task that a step has been given. `slots`: arrays that may be written to, or None."""

    def __init__(self, text, header, slots):
        self.pickled, self.places, self.slots = text, header.buffers, slots
        self.texts = {}  # id of bytes: (they themselves, number of the buffer)

    def task(self):
        """Anew each time, on the same memory."""
        return task_of(self.pickled, self)

    def flat(self, number):
        slot, begin, size, _ = self.places[number]
        return self.slots[slot][begin:begin + size]

    def text(self, number, kind):
        value = kind(self.flat(number).data)
        if kind is bytes:
            self.texts[id(value)] = value, number
        return value

    def array(self, number, dtype, shape, order):
        return shaped(self.flat(number), dtype, shape, order)


class Passed:
    """A task that a step passes on. `ends`: to the caller, who has its own buffers.

    `written(array)`: whether the input in which it lies was changed."""

    def __init__(self, received, task, ends, written):
        self.received, self.ends, self.written = received, ends, written
        self.slots = Slots()
        self.count = 0
        self.starts = None
        self.pickled = task_text(task, self.put)

    def put(self, value, array):
        number = self.count
        self.count += 1
        own = -1
        if array is None:
            _, source = self.received.texts.get(id(value), (None, None))
            if source is None:
                array = bytes_of(value)
            else:
                array, own = self.received.flat(source), self.received.places[source][3]
        elif (source := self.source(array)) is not None:
            own = self.received.places[source][3]
        if own >= 0 and self.ends:
            self.slots.leave(array.nbytes, own)
        else:
            self.slots.put(array, own)
        return number

    def source(self, array):
        """The unchanged buffer that `array` is, whole; None if it is none."""
        if self.starts is None:
            self.starts = {}
            for number, (slot, _, size, _) in enumerate(self.received.places):
                if slot >= 0:
                    self.starts[address_of(self.received.flat(number)), size] = number
        source = self.starts.get((address_of(array), array.nbytes))
        return source if source is not None and not self.written(array) else None

    def text(self, *header):
        return join(self.pickled, *header, tuple(self.slots.places))


def address_of(array):
    return array.__array_interface__["data"][0]
