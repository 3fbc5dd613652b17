"""Memory that the server can read."""

import collections
import math
import threading
import weakref


class Lease(weakref.ref):
    """To an array that empty() made, which any view of it keeps alive."""

    __slots__ = ("offset", "array_id")


class Arena:
    """Blocks in [begin, end) of the memory that the server can read: free lists by size, of which
    there are four to each doubling. From any thread."""

    def __init__(self, memory, begin, end):
        self.memory = memory
        self.lock = threading.RLock()
        self.holes = [[begin, end]]  # never used, or joined from what was free
        self.free_lists = {}  # size: offsets
        self.sizes = {}  # offset: size, of blocks in use
        self.leases = {}  # id of an array: its lease
        # Of arrays that have gone. The collector may say so at any moment, in the middle of
        # allocate() too, so that nothing else is done then.
        self.gone = collections.deque()

    def allocate(self, size):
        if size <= 256:
            size = (size + 63) & ~63 or 64
        else:
            step = 1 << ((size - 1).bit_length() - 3)
            size = (size + step - 1) & -step
        with self.lock:
            while self.gone:
                lease = self.gone.popleft()
                if self.leases.get(lease.array_id) is lease:  # else another array has its id now
                    del self.leases[lease.array_id]
                self.free(lease.offset)
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
            f"the step's memory is full: {sum(self.sizes.values())} of {len(self.memory)} bytes "
            f"are in use, also by answers still being read, and {size} more are wanted")

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

        size = int(math.prod(shape) if isinstance(shape, tuple) else np.prod(shape, dtype=int))
        if size < 0:  # numpy would take all of the memory for [-1]
            raise ValueError("negative dimensions are not allowed")
        offset = self.allocate(size * dtype.itemsize)
        try:
            array = np.ndarray(shape, dtype, self.memory, offset)
        except BaseException:
            self.free(offset)
            raise
        # Views of this array hold it, and not the memory alone, as its base is no array.
        lease = Lease(array, self.gone.append)
        lease.offset, lease.array_id = offset, id(array)
        with self.lock:
            self.leases[lease.array_id] = lease
        return array

    def offset(self, array):
        """Of what empty() made; None for others."""
        lease = self.leases.get(id(array))
        return lease.offset if lease is not None and lease() is array else None
