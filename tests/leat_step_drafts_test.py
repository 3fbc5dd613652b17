"""Steps with `writable = True`, in a worker whose server is played by leat_step_test.Server: what they
write stays theirs, what they do not write is not copied, what they keep stays as it is."""

import json
import os
import pathlib
import struct
import unittest

from leat_step_test import Server

PAGE = os.sysconf("SC_PAGE_SIZE")
SIZE = 20 * PAGE + 100  # not small, and no number of whole pages
BEGIN = 16 * PAGE + 64
SMALL = 1000
STEP = """
import json, leat_step, numpy
class Step:
    writable = True
    inputs = {"do": "BYTES", "x": "UINT8[?]"}
    outputs = {"y": "UINT8[?]", "said": "BYTES"}
    kept = []
    def __call__(self, batch):
        answers = [self.one(*item) for item in zip(batch["do"], batch["x"])]
        return {"y": [y for y, _ in answers], "said": [json.dumps(said) for _, said in answers]}
    def one(self, do, x):
        before = [int(x[0]), int(x[-1])]
        if do == b"write": x[len(x) // 2] += 100
        if do == b"through C": memoryview(x)[0] = 77
        if do == b"write, restore":
            x[:] = 1
            leat_step.restore(x)
        if do == b"keep": self.kept.append(x)
        if do == b"keep a part": self.kept.append(x[10:20])
        if do == b"write and fail":
            x[:] = 1
            raise ValueError("as told")
        said = {"before": before, "written": leat_step.written(x),
                "kept": [sorted(set(one.tolist())) for one in self.kept]}
        if do == b"part": return x[5:-5], said
        return x, said
"""


class Drafts(unittest.TestCase):
    def setUp(self):
        Server.EXCHANGE = 1 << 20
        self.server = Server(STEP)
        self.addCleanup(self.server.close)
        self.assertEqual(self.server.setup[0], 0)
        self.at = 8192  # of the next text

    def text(self, text):
        server, at = self.server, self.at
        server.exchange[at:at + len(text)] = text
        self.at += 64
        return server.wire(1, 13, (), at, len(text))

    def put(self, value, size=SIZE, begin=BEGIN):
        self.server.exchange[begin:begin + size] = bytes([value]) * size
        return self.server.wire(1, 1, (size,), begin, size)

    def run_step(self, *items):
        """Of (what to do, input): for each item (whose memory, offset, bytes), and what it said."""
        wires = [wire for do, x in items for wire in (self.text(do), x)]
        code, outputs, note = self.server.run(wires, items=len(items))
        self.assertEqual(code, 0, note)
        whole = struct.unpack_from("<II", note, 4)
        answers, at = [], 0
        ys = [outputs[0]] * len(items) if whole[0] else outputs[:len(items)]
        for i, y in enumerate(ys):
            memory = self.server.exchange if y[0] == 1 else self.server.own
            size = y[8] // len(items) if whole[0] else y[8]
            begin = y[7] + (i * size if whole[0] else 0)
            answers.append((y[0], begin, memory[begin:begin + size]))
        said = []
        for wire in outputs[1 if whole[0] else len(items):]:
            said.append(json.loads(self.server.own[wire[7]:wire[7] + wire[8]]))
        return answers, said

    def test_what_is_not_written_is_handed_on_where_it_is(self):
        for size in (SIZE, SMALL):
            (answer,), (said,) = self.run_step((b"", self.put(5, size)))
            self.assertEqual(answer, (1, BEGIN, b"\5" * size))
            self.assertFalse(said["written"])

    def test_a_part_too(self):
        (answer,), _ = self.run_step((b"part", self.put(5)))
        self.assertEqual(answer, (1, BEGIN + 5, b"\5" * (SIZE - 10)))

    def test_what_is_written_is_the_step_s(self):
        for do, place, value in ((b"write", None, 105), (b"through C", 0, 77)):
            for size in (SIZE, SMALL):
                (answer,), (said,) = self.run_step((do, self.put(5, size)))
                wanted = bytearray(b"\5" * size)
                wanted[size // 2 if place is None else place] = value
                self.assertEqual((answer[0], answer[2]), (2, bytes(wanted)))
                self.assertTrue(said["written"])
                self.assertEqual(self.server.exchange[BEGIN:BEGIN + size], b"\5" * size)

    def test_the_next_input_in_the_same_memory_is_seen(self):
        self.run_step((b"write", self.put(5)))
        for value in (6, 7):
            (answer,), (said,) = self.run_step((b"", self.put(value)))
            self.assertEqual(said["before"], [value, value])
            self.assertEqual(answer, (1, BEGIN, bytes([value]) * SIZE))

    def test_neighbours_on_one_page(self):
        """What one item writes, another that shares a page with it does not see change."""
        second = BEGIN + SIZE + 28
        items = (b"write", self.put(1)), (b"", self.put(2, SIZE, second))
        answers, said = self.run_step(*items)
        self.assertEqual(answers[1][2], b"\2" * SIZE)
        self.assertEqual(sorted(set(answers[0][2])), [1, 101])
        answers, said = self.run_step((b"", self.put(3)), (b"", self.put(4, SIZE, second)))
        self.assertEqual([one["before"] for one in said], [[3, 3], [4, 4]])
        self.assertEqual([answer[0] for answer in answers], [1, 1])

    def test_restore(self):
        for size in (SIZE, SMALL):
            (answer,), (said,) = self.run_step((b"write, restore", self.put(5, size)))
            self.assertEqual((answer[2], said["written"]), (b"\5" * size, False))

    def test_what_is_kept_stays(self):
        for do in (b"keep", b"keep a part"):
            for size in (SIZE, SMALL):
                self.run_step((do, self.put(5, size)))
        for value in (6, 7):
            (answer,), (said,) = self.run_step((b"", self.put(value)))
            self.assertEqual(said["kept"], [[5]] * 4)
            self.assertEqual(said["before"], [value, value])
            self.assertEqual(answer, (1, BEGIN, bytes([value]) * SIZE))

    def test_after_a_failure(self):
        wires = [self.text(b"write and fail"), self.put(5)]
        code, _, note = self.server.run(wires)
        self.assertIn(b"as told", note)
        (answer,), (said,) = self.run_step((b"", self.put(6)))
        self.assertEqual((said["before"], answer[0]), ([6, 6], 1))

    def test_many_kept_need_no_more_files(self):
        for value in range(50):
            self.run_step((b"keep", self.put(value)))
        _, (said,) = self.run_step((b"", self.put(0)))
        self.assertEqual(said["kept"], [[value] for value in range(50)])
        files = pathlib.Path(f"/proc/{self.server.process.pid}/fd").iterdir()
        self.assertLess(len(list(files)), 25)

    def test_memories_of_others(self):
        data = b"\1" * SIZE + bytes(-SIZE % PAGE)
        self.server.lend(7, data)
        wire = self.server.wire(1, 1, (SIZE,), 0, SIZE, arena=7)
        (answer,), _ = self.run_step((b"keep", wire))
        self.server.send(5, number=7)  # it goes
        _, (said,) = self.run_step((b"", self.put(2)))
        self.assertEqual((said["kept"], said["before"]), ([[1]], [2, 2]))


if __name__ == "__main__":
    unittest.main()
