"""The Python side of a worker, its parts alone and against a server that is played here."""

import ast
import fcntl
import gc
import json
import mmap
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "build/deps/venv/bin/python"
try:
    import numpy as np
except ImportError:  # in the tests' own environment it is; see tools/setup.sh
    if sys.executable == str(VENV):
        sys.exit(f"{VENV} has no numpy: tools/setup.sh demo installs it")
    os.execv(VENV, [str(VENV), *sys.argv])

sys.path.insert(0, str(ROOT / "python"))
import leat_step  # noqa: E402
from leat_step.arena import Arena  # noqa: E402
from leat_step.outputs import Output, Wrong  # noqa: E402

FILES = sorted((ROOT / "python").rglob("*.py"))


class ArenaTest(unittest.TestCase):
    BEGIN, END = 4096, 1 << 20

    def setUp(self):
        self.arena = Arena(mmap.mmap(-1, self.END), self.BEGIN, self.END)

    def test_blocks_never_overlap(self):
        rng = random.Random(1)
        held = {}  # offset: size
        refused = 0
        for _ in range(20000):
            if held and rng.random() < 0.5:
                offset = rng.choice(list(held))
                del held[offset]
                self.arena.free(offset)
                continue
            size = int(2 ** rng.uniform(0, 18))
            try:
                offset = self.arena.allocate(size)
            except MemoryError:
                refused += 1
                continue
            self.assertEqual(offset % 64, 0)
            self.assertGreaterEqual(offset, self.BEGIN)
            self.assertLessEqual(offset + size, self.END)
            for other, length in held.items():
                self.assertTrue(offset + size <= other or other + length <= offset)
            held[offset] = size
        self.assertGreater(refused, 0)
        for offset in held:
            self.arena.free(offset)
        # Whatever the sizes were, all of it can be had in one piece.
        self.arena.allocate((self.END - self.BEGIN) * 7 // 8)

    def test_an_array_keeps_its_memory_as_long_as_a_view(self):
        array = self.arena.empty((np.int64(4), 4), np.dtype("f4"))  # any kind of integer
        offset = self.arena.offset(array)
        views = [array[1:3].T, memoryview(array), np.asarray(array).view("u1")]
        del array
        for _ in range(3):
            self.assertNotEqual(self.arena.allocate(64), offset)
            views.pop()
        self.assertEqual(self.arena.allocate(64), offset)

    def test_cycles_and_threads(self):
        def work():
            for i in range(2000):
                array = self.arena.empty(i % 100, np.dtype("u1"))
                array[...] = i % 256
                cycle = [array]
                cycle.append(cycle)
                assert (array == i % 256).all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        self.arena.free(self.arena.allocate(1))  # takes note of what has gone
        self.assertEqual(self.arena.sizes, {})
        self.assertEqual(self.arena.leases, {})

    def test_what_cannot_be_had(self):
        with self.assertRaisesRegex(MemoryError, "0 of 1048576 bytes .* 2097152 more are wanted"):
            self.arena.empty((2, 1 << 20), np.dtype("u1"))
        with self.assertRaisesRegex(ValueError, "negative"):
            self.arena.empty((-1,), np.dtype("u1"))
        self.assertEqual(self.arena.sizes, {})

    def test_outside_of_a_server(self):
        array = leat_step.empty((2, 3), "float16")
        self.assertEqual((array.shape, array.dtype, array.base), ((2, 3), np.float16, None))
        with self.assertRaisesRegex(TypeError, "cannot hold complex128"):
            leat_step.empty(1, complex)


class OutputTest(unittest.TestCase):
    def item(self, declared, value):
        return Output("y", declared).item(value)

    def test_numbers_that_a_type_can_hold(self):
        rng = random.Random(2)
        types = {"INT8": "b", "UINT8": "B", "INT16": "h", "UINT16": "H",
                 "INT32": "i", "UINT32": "I", "INT64": "q", "UINT64": "Q"}
        for declared, code in types.items():
            for _ in range(200):
                value = rng.randint(-2 ** rng.randint(0, 66), 2 ** rng.randint(0, 66))
                try:  # struct knows by itself what fits
                    wanted = struct.pack("<" + code, value)
                except struct.error:
                    wanted = None
                try:
                    given = self.item(declared, value).tobytes()
                except Wrong:
                    given = None
                self.assertEqual(given, wanted, f"{value} as {declared}")

    def test_what_is_taken(self):
        for declared, value, wanted in [
            ("FP32", 0.1, np.float32(0.1)),
            ("FP32", 3, np.float32(3)),
            ("FP32", True, np.float32(1)),
            ("FP32", np.float64(0.5), np.float32(0.5)),
            ("FP16", float("inf"), np.float16("inf")),
            ("BOOL[2]", [True, False], np.array([True, False])),
            ("INT32[?]", [], np.zeros(0, "i4")),
            ("INT32[2,?]", [[1], [2]], np.array([[1], [2]], "i4")),
            ("FP32[3]", (1, 2.5, True), np.array([1, 2.5, 1], "f4")),
            ("ANY[...]", 7, np.int64(7)),
            ("INT8|FP32", 0.5, np.float32(0.5)),
            ("FP64[2]", [np.float32(1), 2], np.array([1, 2.0])),
        ]:
            given = self.item(declared, value)
            self.assertEqual(given.dtype, wanted.dtype, declared)
            np.testing.assert_array_equal(given, wanted)
        for declared, value, wanted in [
            ("BYTES", "é", "é".encode()),
            ("BYTES", memoryview(b"ab"), b"ab"),
            ("BYTES", np.str_("s"), b"s"),
            ("BYTES[2]", ["a", b"b"], ((2,), [b"a", b"b"])),
            ("ANY[...]", [["a"], ["b"]], ((2, 1), [b"a", b"b"])),
        ]:
            self.assertEqual(self.item(declared, value), wanted, declared)

    def test_what_is_not(self):
        for declared, value in [
            ("INT32", 2.0), ("BOOL", 1), ("FP16", 1e6), ("FP32", 2 ** 24 + 1), ("UINT8", -1),
            ("FP32", "1"), ("FP32", None), ("FP32", {}), ("FP32", 1j), ("FP32[2]", [1, 2, 3]),
            ("FP32[2]", [[1], [2]]), ("FP32[2,...]", 1.0), ("FP32[?]", [[1], [2, 3]]),
            ("FP32", np.zeros((), "f8")), ("FP32", np.zeros((), ">f4")), ("BYTES", 1),
            ("BYTES", ["a"]), ("BYTES[1]", ["a", "b"]), ("BYTES[2]", ["a", 1]), ("BYTES", None),
            ("FP32", b""), ("NUMBER[...]", ["a"]), ("IMAGE", np.zeros((2, 2, 4), "u1")),
        ]:
            with self.assertRaises(Wrong, msg=f"{value!r} as {declared}") as caught:
                self.item(declared, value)
            self.assertIn(f" was given where {declared} is declared", str(caught.exception))

    def test_whoever_says_that_he_is_an_array(self):
        class Tensor:
            def __array__(self, dtype=None, copy=None):
                return np.ones((2, 3), "f4")

        output = Output("y", "FP32[3]")
        self.assertEqual(output.values(Tensor(), 2, {}).shape, (2, 3))
        errors = {}
        self.assertEqual(output.values([Tensor(), None], 2, errors), [None, None])
        self.assertRegex(str(errors[0]), r"FP32\[2,3\] was given")

    def test_types_that_cannot_be(self):
        for text in ["", "fp32", "FP32[", "FP32]", "STRING", "FP32||INT8", 5, None]:
            with self.assertRaisesRegex(ValueError, "output y: .* is no type such as"):
                Output("y", text)


class FilesTest(unittest.TestCase):
    def test_python_3_9_reads_them(self):
        self.assertGreater(len(FILES), 5)
        for file in FILES:
            ast.parse(file.read_text(), feature_version=(3, 9))


class Server:
    """The other side, from src/worker/*.h and in no hurry."""

    RING, EXCHANGE, OWN = 192 + 256 * 64, 1 << 20, 1 << 22

    def __init__(self, code):
        self.folder = tempfile.TemporaryDirectory()
        step = pathlib.Path(self.folder.name, "steps.py")
        step.write_text(code)
        self.files = [self.memory(2 * self.RING), self.memory(self.EXCHANGE), self.memory(self.OWN),
                      os.eventfd(0), os.eventfd(0)]
        self.control, self.exchange, self.own = (mmap.mmap(fd, 0) for fd in self.files[:3])
        self.socket, other = socket.socketpair()
        self.files.append(os.dup(other.fileno()))
        other.close()
        words = [(ROOT / "python/start.py").read_text()]
        for file in sorted((ROOT / "python/leat_step").glob("*.py")):
            name = "leat_step" if file.stem == "__init__" else f"leat_step.{file.stem}"
            words += [name, file.read_text()]
        self.process = subprocess.Popen(
            [sys.executable, "-c", *words], preexec_fn=self.hand_over, close_fds=False,
            env=dict(os.environ, LEAT_WORKER=f"{os.getpid()} {self.EXCHANGE} {self.OWN}"))
        self.sent = 0
        texts = ["python", "things", str(step), "Step", "{}", "0", "0"]
        spans, at = b"", 16 * len(texts)
        for text in texts:
            spans += struct.pack("<QQ", at, len(text))
            at += len(text)
        body = spans + "".join(texts).encode()
        self.exchange[4096:4096 + len(body)] = body
        self.setup = self.run([self.wire(1, 13, (len(texts),), 4096, len(spans), base=4096)])

    @staticmethod
    def memory(size):
        fd = os.memfd_create("test")
        os.ftruncate(fd, size)
        return fd

    def hand_over(self):
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for fd in self.files]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.close(fd)

    @staticmethod
    def wire(whose, dtype, shape, offset, length, base=0, arena=0):
        dims = (*shape, *(0,) * (8 - len(shape)))
        return struct.pack("<BBBBiiIQQQ8q", whose, dtype, len(shape), 0, 0, 0, arena, offset,
                           length, base, *dims)

    def send(self, kind, count=0, number=0, offset=0, length=0, items=0):
        message = struct.pack("<IIQQQQ", kind, count, number, offset, length, items)
        at = 192 + self.sent % 256 * 64
        self.control[at:at + len(message)] = message
        self.sent += 1
        self.control[0:4] = struct.pack("<I", self.sent)
        os.eventfd_write(self.files[3], 1)

    def run(self, wires, items=1):
        """(code, outputs as tuples, text) of the next answer."""
        self.exchange[:104 * len(wires)] = b"".join(wires)
        answered = self.count(0)
        self.control[self.RING + 128:self.RING + 132] = b"\1\0\0\0"  # asleep
        self.send(1, len(wires), self.sent, 0, 0, items)
        os.eventfd_read(self.files[4])
        assert self.count(0) == answered + 1 and self.count(128) == 0
        message = self.control[self.RING + 192 + answered % 256 * 64:][:64]
        kind, _, _, offset, length, _ = struct.unpack_from("<IIQQQQ", message)
        reply = self.own[offset:offset + length]
        code, outputs, text = struct.unpack_from("<IIQ", reply)
        assert kind == 3 and length == 16 + 104 * outputs + text
        self.control[self.RING + 64:self.RING + 68] = struct.pack("<I", answered + 1)
        wires = struct.iter_unpack("<BBBBiiIQQQ8q", reply[16:length - text])
        return code, list(wires), reply[length - text:]

    def count(self, at):
        return struct.unpack_from("<I", self.control, self.RING + at)[0]

    def lend(self, number, data):
        """Memory of another worker."""
        fd = self.memory(len(data))
        os.pwrite(fd, data, 0)
        socket.send_fds(self.socket, [b"x"], [fd])
        os.close(fd)
        self.send(4, number=number, length=len(data))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        for fd in self.files:
            os.close(fd)
        self.folder.cleanup()


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class ServerTest(unittest.TestCase):
    def test_memories_of_others(self):
        server = Server("""
class Step:
    inputs, outputs = {"x": "FP32[2]"}, {"same": "FP32[2]", "sum": "FP32", "kept": "BYTES"}
    kept = []
    def __call__(self, batch):
        x = batch["x"]
        if len(x) == 1: self.kept.append(x)
        kept = str([k.tolist() for k in self.kept])
        return {"same": x, "sum": x.sum(axis=1), "kept": [kept] * len(x)}
""")
        self.addCleanup(server.close)
        self.assertEqual(server.setup[0], 0)
        server.lend(7, floats(0, 0, 1, 2, 3, 4) + bytes(4072))
        server.lend(9, floats(0, 0, 0, 0, 5, 6) + bytes(4072))

        def own(wire):
            return server.own[wire[7]:wire[7] + wire[8]]

        def maps():
            return pathlib.Path(f"/proc/{server.process.pid}/maps").read_text().count("memfd:test")

        # A view of one of them is given back where it is.
        _, outputs, _ = server.run([server.wire(1, 11, (2,), 16, 8, arena=7)])
        self.assertEqual(outputs[0][:1] + outputs[0][6:9], (1, 7, 16, 8))
        self.assertEqual(own(outputs[1]), floats(7))
        self.assertEqual(maps(), 5)
        # Side by side, and in two memories.
        wires = [server.wire(1, 11, (2,), 8, 8, arena=7), server.wire(1, 11, (2,), 16, 8, arena=7)]
        _, outputs, _ = server.run(wires, items=2)
        self.assertEqual([wire[6:8] for wire in outputs[:2]], [(7, 8), (7, 16)])
        self.assertEqual(own(outputs[2]), floats(3, 7))
        wires[1] = server.wire(1, 11, (2,), 16, 8, arena=9)
        _, outputs, _ = server.run(wires, items=2)
        self.assertEqual((outputs[0][0], own(outputs[0])), (2, floats(1, 2, 5, 6)))
        # One that is not used any more goes, but for arrays that the step has kept.
        server.send(5, number=9)
        server.send(5, number=7)
        server.exchange[2048:2064] = floats(1, 1, 2, 2)
        wires = [server.wire(1, 11, (2,), 2048 + 8 * i, 8) for i in range(2)]
        _, outputs, _ = server.run(wires, items=2)
        self.assertEqual(own(outputs[3]), b"[[[3.0, 4.0]]]")
        self.assertEqual(maps(), 4)


if __name__ == "__main__":
    unittest.main()
