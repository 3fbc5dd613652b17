"""Nothing is lost, however often a function is called: references, objects, memory. LEAT_LEAK_CALLS is
how often (100000 for a thorough run)."""

import asyncio
import gc
import os
import sys
import unittest
import weakref

import numpy as np

import leat
from samples import (JPEG, SPECS, TOY, call_of, function, malloc_bytes, pool_bytes, resident_bytes,
                     settle)

CALLS = int(os.environ.get("LEAT_LEAK_CALLS", 3000))


def used():
    return sys.getallocatedblocks(), malloc_bytes(), pool_bytes(), resident_bytes()


class LeaksTest(unittest.TestCase):
    def keeps_nothing(self, call, calls, held=()):
        """After some calls of warming up, so many more leave everything as it was."""
        for _ in range(max(200, calls // 20)):
            call()
        settle()
        references = [sys.getrefcount(one) for one in held]
        # Caches and scratch memory may still grow now and then; what leaks grows every time. A tenth
        # of an object, and of a byte, a call.
        for attempt in range(4):
            before = used()
            for _ in range(calls):
                call()
            settle()
            grown = [now - then for now, then in zip(used(), before)]
            limits = [200 + calls / 10, (8 << 10) + calls / 10, (8 << 10) + calls / 10, (1 << 20) + calls]
            if all(grew <= limit for grew, limit in zip(grown, limits)):
                break
        else:
            self.fail(f"after {calls} calls more: objects, malloc, pool, resident: {grown}, at most {limits}")
        self.assertEqual([sys.getrefcount(one) for one in held], references)

    def test_operators(self):
        for spec in SPECS:
            named = call_of(spec)
            made = function(spec["name"])

            def call():
                try:
                    made(**named)
                except leat.Error:
                    pass

            with self.subTest(spec["name"]):
                self.keeps_nothing(call, CALLS, [one for one in named.values() if isinstance(one, (np.ndarray, bytes, list))])

    def test_failures(self):
        x = np.zeros((2, 2), np.float32)

        def call():
            for wrong in (lambda: leat.tensor.softmax(object()), lambda: leat.detect.nms(x, x),
                          lambda: leat.image.flip(x, nothing=1), lambda: leat.image.decode(b"x"),
                          lambda: leat.detect.nms(x, x, iou=7)):
                try:
                    wrong()
                except (leat.Error, TypeError):
                    pass

        self.keeps_nothing(call, CALLS // 5, [x])

    def test_parameters_that_never_come_again(self):
        x = np.arange(4, dtype=np.float32)
        n = iter(range(1 << 40))
        self.keeps_nothing(lambda: leat.detect.nms(np.zeros((1, 4), "f4"), [1.0], iou=1 / (1 + next(n))), CALLS)
        self.assertEqual(sys.getrefcount(x), 2)

    def test_calls_of_a_pipeline(self):
        toy = leat.Pipeline(TOY)
        decode = leat.Pipeline({"leat": 1, "inputs": {"photo": "BYTES"}, "outputs": {"image": "d.image"},
                                "steps": {"d": {"op": "image.decode", "inputs": {"data": "photo"}}}})
        x, wrong = np.arange(4, dtype=np.float32), np.zeros((1, 1), np.float32)

        def failing():
            try:
                toy(wrong)
            except leat.BadInput:
                pass

        for call, held in ((lambda: toy(x), [x]), (lambda: toy(x=x, trace=True), [x]), (failing, [wrong]),
                           (lambda: decode(JPEG), [JPEG]), (lambda: toy.submit(x).result(), [x]),
                           (lambda: (toy.submit(x).cancel(), toy.submit(x).result()), [x]), (lambda: list(toy.map([x, x])), [x]),
                           (lambda: toy.map([x] * 20).close(), [x])):
            self.keeps_nothing(call, CALLS, held)
        self.keeps_nothing(lambda: leat.Pipeline(TOY)(x), CALLS // 30, [x])

    def test_asyncio(self):
        toy = leat.Pipeline(TOY)
        x = np.arange(4, dtype=np.float32)

        async def some():
            await asyncio.gather(*(toy.infer(x) for _ in range(100)))

        self.keeps_nothing(lambda: asyncio.run(some()), CALLS // 100, [x])

    def test_inputs_go(self):
        class Watched(np.ndarray):
            pass

        toy = leat.Pipeline(TOY)
        for call in (leat.tensor.softmax, toy, lambda x: toy.submit(x).result()):
            x = np.arange(4, dtype=np.float32).view(Watched)
            gone = weakref.ref(x)
            call(x)
            del x
            settle()
            self.assertIsNone(gone())

    def test_engines(self):
        def call():
            engine = leat.Engine(threads=1)
            leat.Pipeline(TOY, engine=engine)([1.0])

        for _ in range(5):
            call()
        gc.collect()
        threads = len(os.listdir("/proc/self/task"))
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(30):
            call()
        gc.collect()
        self.assertEqual(len(os.listdir("/proc/self/task")), threads)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)


if __name__ == "__main__":
    unittest.main()
