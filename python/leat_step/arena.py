"""Memory that the server can read."""

import collections
import math
import threading
import weakref


class Lease(weakref.ref):
    """An array that empty() made; any view of it keeps it alive."""

    __slots__ = ("offset",)


class Arena:
    """Blocks in [begin, end) of the memory that the server can read: free lists by size, of which
    there are four to each doubling. From any thread."""

    def __init__(self, memory, begin, end):
        self.memory = memory
        self.lock = threading.RLock()
        self.holes = [[begin, end]]  # never used, or joined from what was free
        self.free_lists = {}  # size: offsets
        self.sizes = {}  # offset: size, of blocks in use
        self.leases = {}  # offset: of a block that is an array's
        # Offsets of arrays that have gone. The collector may say so at any moment, in the middle of
        # allocate() too, so that it does no more than that.
        self.gone = collections.deque()

    def allocate(self, size):
        if size <= 256:
            size = (size + 63) & ~63 or 64
        else:
            step = 1 << ((size - 1).bit_length() - 3)
            size = (size + step - 1) & -step
        with self.lock:
            while self.gone:
                offset = self.gone.popleft()
                del self.leases[offset]
                self.free(offset)
            free = self.free_lists.get(size)
            offset = free.pop() if free else self.carve(size)
            self.sizes[offset] = size
        return offset

    def free(self, offset):
        with self.lock:
            size = self.sizes.pop(offset)
            self.free_lists.setdefault(size, []).append(offset)

    def carve(self, size):
        for again in (False, True):
            if again:
                self.join()
            for hole in self.holes:
                if hole[1] - hole[0] >= size:
                    hole[0] += size
                    return hole[0] - size
        raise MemoryError(
            f"the step's memory is full: {sum(self.sizes.values())} of {len(self.memory)} bytes are in "
            f"use, by answers that others still read among others, and {size} more are wanted")

    def join(self):
        """Makes whole pieces of everything that is free: other sizes are wanted now."""
        free = [[at, at + size] for size, offsets in self.free_lists.items() for at in offsets]
        self.free_lists.clear()
        pieces = sorted(free + self.holes)
        self.holes = []
        for piece in pieces:
            if self.holes and self.holes[-1][1] == piece[0]:
                self.holes[-1][1] = piece[1]
            else:
                self.holes.append(piece)

    def empty(self, shape, dtype):
        import numpy as np

        size = math.prod(shape) if isinstance(shape, tuple) else np.prod(shape, dtype=int)
        offset = self.allocate(max(int(size), 0) * dtype.itemsize)
        try:
            array = np.ndarray(shape, dtype, self.memory, offset)
        except BaseException:
            self.free(offset)
            raise
        # Views of this array hold it, and not the memory alone, as its base is no array.
        lease = Lease(array, self.array_gone)
        lease.offset = offset
        self.leases[offset] = lease
        return array

    def array_gone(self, lease):
        self.gone.append(lease.offset)
