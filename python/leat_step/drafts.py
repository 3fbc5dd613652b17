"""Inputs that a step may write to, of a class with `writable = True`.

A large input is a private mapping of the memory where it lies: the kernel copies a page when it is
written to, and nothing else is copied. Its page table (/proc/self/pagemap) says whether that has
happened: what was not written can be handed on where it is. After the batch the pages that were
copied are given back, so that the mapping shows the memory as it is again.

An array that the step keeps would change when the memory is used again. So its pages are copied
then, the mapping is left to it, and others get a new one.

A small input, or any where the kernel does not tell, is a copy, which is compared afterwards.
"""

import ctypes
import mmap
import os
import sys
import weakref

import numpy as np

import leat_step
from leat_step.batch import Batch
from leat_step.link import EXCHANGE, EXCHANGE_FD
from leat_step.outputs import DTYPES

SMALL = 32 << 10  # bytes: to copy and to compare them is no dearer than to ask
PAGE = mmap.PAGESIZE
MAP_NORESERVE = 0x4000
# Of an entry of the page table: the page is in memory; swapped out; the file's own.
PRESENT, SWAPPED, SHARED = np.uint64(1 << 63), np.uint64(1 << 62), np.uint64(1 << 61)

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Drafts:
    """Private mappings of memories."""

    def __init__(self, link):
        self.link = link
        self.descriptors = {EXCHANGE: EXCHANGE_FD}
        self.mappings = {}  # by the number of the memory; None where there can be none
        try:
            self.pages = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.pages = None

    def mapping(self, number):
        if number not in self.mappings:
            fd = self.descriptors.get(number)
            known = self.pages is not None and fd is not None
            self.mappings[number] = private(fd, len(self.link.memories[number])) if known else None
        return self.mappings[number]

    def leave(self, number):
        """The mapping, to the arrays that hold it."""
        self.mappings.pop(number, None)

    def unmap(self, number):
        self.leave(number)
        os.close(self.descriptors.pop(number))


def private(fd, size):
    """A mapping that lives as long as arrays on it; None where the kernel has no room. Not Python's
    mmap, which holds a descriptor each."""
    address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE,
                        mmap.MAP_PRIVATE | MAP_NORESERVE, fd, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        return None
    mapping = (ctypes.c_ubyte * size).from_address(address)
    weakref.finalize(mapping, libc.munmap, address, size).atexit = False
    return mapping


class Draft:
    """One input: its bytes, as an array that may be written to."""

    def __init__(self, drafts, number, begin, size):
        self.drafts, self.number, self.begin, self.size = drafts, number, begin, size
        self.mapping = drafts.mapping(number) if size > SMALL else None
        if self.mapping:
            self.array = np.ndarray(size, np.uint8, self.mapping, begin)
        else:
            self.array = self.original().copy()
        self.address = address_of(self.array)

    def original(self):
        return np.ndarray(self.size, np.uint8, self.drafts.link.memories[self.number], self.begin)

    def written(self):
        if not self.mapping:
            return not np.array_equal(self.array, self.original())
        first = self.address // PAGE
        count = (self.address + self.size - 1) // PAGE + 1 - first
        entries = np.frombuffer(os.pread(self.drafts.pages, 8 * count, 8 * first), np.uint64)
        if len(entries) < count:
            return True
        return bool(np.any((entries & (PRESENT | SWAPPED) != 0) & (entries & SHARED == 0)))

    def kept(self):
        """Whether somebody else holds the array or a view of it."""
        return sys.getrefcount(self.array) > 2

    def keep(self):
        """Every page becomes this mapping's own."""
        self.array[::PAGE] |= 0
        self.array[-1:] |= 0

    def restore(self):
        if not self.mapping:
            self.array[...] = self.original()
        elif self.written():
            self.reset()

    def reset(self):
        begin = self.address // PAGE * PAGE
        libc.madvise(begin, self.address + self.size - begin, mmap.MADV_DONTNEED)


class DraftBatch(Batch):
    """Every input is a list with one value an item."""

    def __init__(self, link, wires, items):
        super().__init__(link, wires, items)
        self.drafts = []
        leat_step._batch = self

    def gather(self, wires):
        return [self.item(wire) for wire in wires]

    def view(self, shape, wires):
        _, code, _, _, _, number, begin, length, _, _ = wires[0]
        if not length:
            return np.empty(shape, DTYPES[code])
        draft = Draft(self.link.drafts, number, begin, length)
        self.drafts.append(draft)
        return draft.array.view(DTYPES[code]).reshape(shape)

    def draft(self, array):
        """(the input that holds all of `array`, where in it), or None. `array` is contiguous."""
        at, size = address_of(array), array.nbytes
        for draft in self.drafts:
            if draft.address <= at and at + size <= draft.address + draft.size:
                return draft, at - draft.address
        return None

    def locate(self, array):
        if array.nbytes and array.flags.c_contiguous and (found := self.draft(array)):
            draft, at = found
            return None if draft.written() else (draft.number, draft.begin + at)
        return super().locate(array)

    def settle(self):
        self.given.clear()
        fresh = set()
        for draft in self.drafts:
            if draft.mapping and draft.kept():
                draft.keep()
                fresh.add(draft.number)
        for number in fresh:
            self.link.drafts.leave(number)
        for draft in self.drafts:
            if draft.mapping and draft.number not in fresh:
                draft.restore()
        self.drafts.clear()
        leat_step._batch = None


def address_of(array):
    return array.__array_interface__["data"][0]
