"""The rings and memories between this process and the server: src/worker/control.h, ring.h,
wire.h, reply.h. x86-64 moves no load before a load and no store before a store, so that plain ones
do, and a fence() where a store must precede a load."""

import collections
import functools
import mmap
import os
import socket
import struct
import threading
import time

from leat_step.arena import Arena

CONTROL_FD, EXCHANGE_FD, OWN_FD, TO_WORKER_FD, TO_SERVER_FD, SOCKET_FD = range(3, 9)
RUN, FREE, DONE, MAP, UNMAP = range(1, 6)
MESSAGE = struct.Struct("<IIQQQQ")  # kind, count, id, offset, length, items
DONE_MESSAGE = struct.Struct("<IIQQQQQ")  # the same, and for how long it ran
REPLY = struct.Struct("<IIQ")  # code, outputs, bytes of text
# whose, type, rank, width, height, arena, offset, length, base, dims
WIRE = struct.Struct("<BBBxiiIQQQ64s")
SERVERS, WORKERS = 1, 2
ABSENT = (0,) * 9 + (bytes(64),)
BYTES = 13  # leat::DType
STEP_FAILED = 8  # leat::Code
SPAN = struct.Struct("<QQ")  # leat::ByteSpan
SHAPES = [struct.Struct(f"<{rank}q") for rank in range(9)]  # of dims, by rank

# A ring, in uint32s: three counts, a cache line each, and SLOTS messages of 64 bytes.
SLOTS = 256
WRITTEN, READ, ASLEEP, FIRST_SLOT, RING = 0, 16, 32, 48, 48 + 16 * SLOTS

SMALL_REPLY = 1024
# Nanoseconds. On two cores a spin cost as much time as it saved, and more of the processor's.
SPIN = 20_000 if len(os.sched_getaffinity(0)) >= 4 else 0
EXCHANGE, OWN = 0, -1  # numbers of memories


@functools.lru_cache(1024)
def dims(shape):
    return struct.pack("<8q", *shape, *(0,) * (8 - len(shape)))


def fence(lock=threading.Lock()):
    """Taking a lock is an atomic instruction, and on x86-64 these are full fences."""
    with lock:
        pass


def die(descriptor, error):
    text = f"the step has closed descriptor {descriptor}, which is leat's: {error.strerror}"
    try:
        os.write(2, f"leat_step: {text}\n".encode())
    finally:
        os._exit(70)


class Link:
    def __init__(self, exchange_bytes, own_bytes):
        for fd in range(CONTROL_FD, SOCKET_FD + 1):
            try:
                os.set_inheritable(fd, False)  # not for the step's own children
            except OSError:
                pass
        self.control = mmap.mmap(CONTROL_FD, 2 * 4 * RING)
        self.counts = memoryview(self.control).cast("I")
        self.own = mmap.mmap(OWN_FD, own_bytes)
        exchange = mmap.mmap(EXCHANGE_FD, exchange_bytes, mmap.MAP_SHARED, mmap.PROT_READ)
        self.memories = {OWN: self.own, EXCHANGE: exchange}
        self.addresses = {}  # of memories, where they were asked for
        self.drafts = None  # of a step that may write to its inputs
        # The memory begins with a place for a small reply to every message that the ring can hold.
        self.arena = Arena(self.own, SLOTS * SMALL_REPLY, own_bytes)
        self.socket = None
        self.lent = {}  # offset: arrays that the server may be reading there
        self.read = self.sent = 0
        self.began = 0  # with the last message, in nanoseconds
        self.replies = collections.deque()  # (sent before it, offset) of the larger ones
        self.spin = False

    def next(self):
        while self.counts[WRITTEN] == self.read:
            self.wait()
        message = MESSAGE.unpack_from(self.control, 4 * FIRST_SLOT + self.read % SLOTS * 64)
        self.read = self.counts[READ] = (self.read + 1) & 0xFFFFFFFF
        self.began = time.monotonic_ns()
        return message

    def wait(self):
        """Until something may have come. Spins first when the last wait was a short one."""
        counts, read, begin = self.counts, self.read, time.monotonic_ns()
        while self.spin and time.monotonic_ns() - begin < SPIN:
            if counts[WRITTEN] != read:
                return
        counts[ASLEEP] = 1
        fence()
        if counts[WRITTEN] == read:
            try:
                os.read(TO_WORKER_FD, 8)
            except OSError as error:
                die(TO_WORKER_FD, error)
        counts[ASLEEP] = 0
        self.spin = time.monotonic_ns() - begin < 2 * SPIN

    def wires(self, offset, count):
        return list(WIRE.iter_unpack(self.memories[EXCHANGE][offset:offset + count * WIRE.size]))

    def texts(self, wire):
        """The elements of a BYTES tensor."""
        _, _, rank, _, _, number, offset, length, base, _ = wire
        memory = self.memories[number]
        whole = memory[offset:offset + length]
        if not rank:
            return [whole]
        return [memory[base + begin:base + begin + size] for begin, size in SPAN.iter_unpack(whole)]

    def answer(self, number, code, wires, text):
        """MemoryError: nothing has been said."""
        counts, own = self.counts, self.own
        size = REPLY.size + WIRE.size * len(wires) + len(text)
        slot = self.sent % SLOTS
        while self.replies and 0 < (counts[RING + READ] - self.replies[0][0]) & 0xFFFFFFFF <= SLOTS:
            self.arena.free(self.replies.popleft()[1])
        begin = slot * SMALL_REPLY
        if size > SMALL_REPLY:
            begin = self.arena.allocate(size)
            self.replies.append((self.sent, begin))
        REPLY.pack_into(own, begin, code, len(wires), len(text))
        at = begin + REPLY.size
        for wire in wires:
            WIRE.pack_into(own, at, *wire)
            at += WIRE.size
        own[at:at + len(text)] = text
        at = 4 * (RING + FIRST_SLOT) + slot * 64
        ran = time.monotonic_ns() - self.began
        DONE_MESSAGE.pack_into(self.control, at, DONE, 0, number, begin, size, 0, ran)
        self.sent = counts[RING + WRITTEN] = (self.sent + 1) & 0xFFFFFFFF
        fence()
        if counts[RING + ASLEEP]:
            counts[RING + ASLEEP] = 0
            try:
                os.write(TO_SERVER_FD, b"\1\0\0\0\0\0\0\0")
            except OSError as error:
                die(TO_SERVER_FD, error)

    def fail(self, number, text):
        """The whole batch. There is always room to say so."""
        text = text.encode("utf-8", "replace")[:SMALL_REPLY - REPLY.size]
        self.answer(number, STEP_FAILED, [], text)

    def free(self, offset):
        arrays = self.lent.get(offset)
        if arrays is None:
            self.arena.free(offset)
        elif len(arrays) > 1:
            arrays.pop()
        else:
            del self.lent[offset]

    def map(self, number, length):
        if self.socket is None:
            self.socket = socket.socket(fileno=SOCKET_FD)
        _, descriptors, _, _ = socket.recv_fds(self.socket, 1, 1)
        self.memories[number] = mmap.mmap(descriptors[0], length, mmap.MAP_SHARED, mmap.PROT_READ)
        if self.drafts:
            self.drafts.descriptors[number] = descriptors[0]
        else:
            os.close(descriptors[0])

    def unmap(self, number):
        """It stays for as long as the step holds an array in it."""
        del self.memories[number]
        self.addresses.pop(number, None)
        if self.drafts:
            self.drafts.unmap(number)
