"""One batch: its inputs as arrays, and where its outputs lie."""

import numpy as np

import leat_step
from leat_step.link import ABSENT, BYTES, OWN, SERVERS, SHAPES, SPAN, WORKERS, dims
from leat_step.outputs import DTYPES, shared


class Batch:
    """`wires`: where the inputs lie."""

    def __init__(self, link, wires, items):
        self.link, self.wires, self.items = link, wires, items
        self.given = {}  # id of an array: (the array, its wires), of inputs
        self.placed = []  # (offset, the array there or None for a copy), of outputs

    def inputs(self, names):
        return {name: self.gather(self.wires[i::len(names)]) for i, name in enumerate(names)}

    def gather(self, wires):
        """One input of all items: a view if they lie side by side, else a copy; a list if they
        differ."""
        _, code, rank, _, _, number, begin, length, _, size = wires[0]
        at, apart = begin, False
        for wire in wires:
            if not wire[0] or wire[1] != code or wire[2] != rank or wire[9] != size:
                return [self.item(wire) for wire in wires]
            apart = apart or wire[6] != at or wire[5] != number
            at += length
        if code == BYTES:
            texts = [self.item(wire) for wire in wires]
            return np.stack(texts) if rank else texts
        shape = (len(wires), *SHAPES[rank].unpack_from(size))
        if not apart:
            return self.view(shape, wires)
        copy = leat_step.empty(shape, DTYPES[code])
        for i, wire in enumerate(wires):
            copy[i] = self.item(wire)
        copy.flags.writeable = False
        return copy

    def view(self, shape, wires):
        _, code, _, _, _, number, begin, _, _, _ = wires[0]
        array = np.ndarray(shape, DTYPES[code], self.link.memories[number], begin)
        self.given[id(array)] = array, wires
        return array

    def item(self, wire):
        whose, code, rank, _, _, _, _, _, _, size = wire
        if not whose:
            return None
        shape = SHAPES[rank].unpack_from(size)
        if code != BYTES:
            return self.view(shape, [wire])
        texts = self.link.texts(wire)
        if not rank:
            return texts[0]
        array = np.empty(len(texts), object)
        array[:] = texts
        return array.reshape(shape)

    # --- Outputs.

    def tell(self, output, value, failed):
        """What Output.values() made: 1 if it is one tensor for all items, and the wires."""
        if isinstance(value, np.ndarray):
            code = output.whole(value, self.items)
            return self.tell_array(value, code, value.shape[1:], self.items)
        return 0, [ABSENT if one is None or i in failed else self.tell_item(output, one)
                   for i, one in enumerate(value)]

    def tell_item(self, output, value):
        if isinstance(value, bytes):
            return self.text((), [value])
        if isinstance(value, tuple):
            return self.text(*value)
        return self.tell_array(value, output.code(value.dtype, value.shape), value.shape, 1)[1][0]

    def tell_array(self, array, code, shape, count):
        """Of `count` items of `shape`."""
        size = dims(shape)
        _, wires = self.given.get(id(array), (None, ()))
        if len(wires) == count and wires[0][1:3] == (code, len(shape)) and wires[0][9] == size:
            return 0, wires
        where = self.locate(array)
        if where and where[0] != OWN:
            if pieces := self.in_inputs(*where, array.nbytes // count, count):
                return 0, [(SERVERS, code, len(shape), *piece, 0, size) for piece in pieces]
        return 1, [self.own(array, code, where)]

    def locate(self, array):
        """(memory, offset) where the server sees it already, or None."""
        if not shared(array) or not array.nbytes:
            return None
        if not (array.flags.c_contiguous and array.flags.aligned):
            return None
        if (offset := self.link.arena.offset(array)) is not None:
            return OWN, offset
        at = array.__array_interface__["data"][0]
        addresses = self.link.addresses
        for number, memory in self.link.memories.items():
            if number not in addresses:
                first = np.ndarray(1, np.uint8, memory)
                addresses[number] = first.__array_interface__["data"][0]
            if 0 <= at - addresses[number] < len(memory):
                return number, at - addresses[number]
        return None

    def in_inputs(self, number, begin, size, count):
        """(width, height, memory, offset, length) of so many pieces side by side; None if one of
        them lies in no input, as others may have used its memory since."""
        heads = {wire[5:7]: wire for wire in self.wires if wire[0]}
        pieces = []
        for at in range(begin, begin + count * size, size):
            wire = heads.get((number, at))
            if wire is None or wire[7] < size:
                wire = next((w for w in self.wires if w[0] and w[5] == number and
                             w[6] <= at and at + size <= w[6] + w[7]), None)
            if wire is None:
                return None
            # A whole picture keeps its scale.
            full = wire[3:5] if wire[6:8] == (at, size) else (0, 0)
            pieces.append((*full, number, at, size))
        return pieces

    def own(self, array, code, where):
        """A wire of what lies, or is copied, in this process's memory."""
        size = array.nbytes
        if where and where[0] == OWN:
            at = where[1]
            self.placed.append((at, array))
        else:
            at = self.place(size)
            if array.flags.c_contiguous:
                self.link.own[at:at + size] = array
            else:
                np.ndarray(array.shape, array.dtype, self.link.own, at)[...] = array
        return (WORKERS, code, array.ndim, 0, 0, 0, at, size, 0, dims(array.shape))

    def text(self, shape, texts):
        spans = SPAN.size * len(texts) if shape else 0
        at = self.place(spans + sum(map(len, texts)))
        own, end = self.link.own, spans
        for i, text in enumerate(texts):
            if shape:
                SPAN.pack_into(own, at + i * SPAN.size, end, len(text))
            own[at + end:at + end + len(text)] = text
            end += len(text)
        return (WORKERS, BYTES, len(shape), 0, 0, 0, at, spans if shape else end, at, dims(shape))

    def place(self, size):
        at = self.link.arena.allocate(size)
        self.placed.append((at, None))
        return at

    def settle(self):
        """The step has ended and what it gives has a place; the server is about to be told."""

    def lend(self):
        """The server has been told."""
        for offset, array in self.placed:
            if array is not None:
                self.link.lent.setdefault(offset, []).append(array)
                while isinstance(array, np.ndarray):
                    array.flags.writeable = False
                    array = array.base

    def undo(self):
        """It will not be."""
        for offset, array in self.placed:
            if array is None:
                self.link.arena.free(offset)
