"""submit(), await infer(), map(): order, bounds, cancelling, threads, signals."""

import asyncio
import concurrent.futures
import gc
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import unittest
import weakref

import numpy as np

import leat
from samples import TOY, settle

# A step that waits until the file in its input is there, so that a test decides when it ends.
GATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate.py")


def soft(x):
    return leat.tensor.softmax(np.asarray(x, np.float32)).tolist()


class Gate:
    """A pipeline whose calls end when open() has been called."""

    def __init__(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "open")
        self.engine = leat.Engine()
        p = leat.Pipeline(name="gate", engine=self.engine)
        p.output(y=p.python(f"{GATE}:wait", path=p.input("path")).output)
        self.pipeline = p.load()

    def count(self, what):
        found = re.search(rf'^leat_{what}{{pipeline="gate".*}} (\d+)$', self.engine.metrics(), re.M)
        return int(found[1])

    def open(self):
        open(self.path, "w").close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()
        self.folder.cleanup()


class SubmitTest(unittest.TestCase):
    def test_futures(self):
        toy = leat.Pipeline(TOY)
        futures = [toy.submit([i, 1.0]) for i in range(100)]
        self.assertEqual([f.result().tolist() for f in futures], [soft([i, 1]) for i in range(100)])
        done, _ = concurrent.futures.wait([toy.submit([1.0]), toy.submit([2.0])])
        self.assertEqual(len(done), 2)

    def test_failures(self):
        toy = leat.Pipeline(TOY)
        failed = toy.submit(np.zeros((2, 2), "f4"))
        self.assertIsInstance(failed.exception(), leat.BadInput)
        with self.assertRaises(leat.BadInput):
            failed.result()
        with self.assertRaises(leat.BadInput):
            toy.submit(object())

    def test_callbacks_come_on_another_thread(self):
        told, threads = threading.Event(), []

        def tell(future):
            threads.append(threading.current_thread())
            told.set()

        with Gate() as gate:
            future = gate.pipeline.submit(gate.path)
            future.add_done_callback(tell)
            gate.open()
            told.wait()
            self.assertIsNot(threads[0], threading.current_thread())
            self.assertEqual(future.result().tolist(), 1)

    def test_cancel(self):
        with Gate() as gate:
            running = gate.pipeline.submit(gate.path)
            self.assertTrue(running.cancel())
            self.assertTrue(running.cancelled())
            with self.assertRaises(concurrent.futures.CancelledError):
                running.result()
        ended = leat.Pipeline(TOY).submit([1.0])
        ended.result()
        self.assertFalse(ended.cancel())

    def test_a_future_that_nobody_waits_for(self):
        toy = leat.Pipeline(TOY)
        for _ in range(1000):
            toy.submit([1.0, 2.0])
        future = toy.submit([1.0])
        gone = weakref.ref(toy)
        del toy
        self.assertEqual(future.result().tolist(), [1])
        settle()
        self.assertIsNone(gone())


class AsyncioTest(unittest.TestCase):
    def test_many_at_once(self):
        toy = leat.Pipeline(TOY)

        async def all_of_them():
            return await asyncio.gather(*(toy.infer(x=[i, 1.0]) for i in range(500)))

        answers = asyncio.run(all_of_them())
        self.assertEqual([a.tolist() for a in answers], [soft([i, 1]) for i in range(500)])

    def test_failures_and_timeouts(self):
        toy = leat.Pipeline(TOY)

        async def wrong():
            with self.assertRaises(leat.BadInput):
                await toy.infer(z=1)
            with self.assertRaises(leat.BadInput):
                await toy.infer(np.zeros((1, 1), "f4"))
            with self.assertRaises(leat.Deadline):
                await toy.infer([1.0], timeout=1e-9)

        asyncio.run(wrong())

    def test_cancelling_the_task_cancels_the_call(self):
        async def given_up(gate):
            task = asyncio.ensure_future(gate.pipeline.infer(gate.path))
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        with Gate() as gate:
            asyncio.run(given_up(gate))
            self.assertEqual(gate.count("cancelled_total"), 1)

    def test_a_loop_that_has_been_closed(self):
        with Gate() as gate:
            loop = asyncio.new_event_loop()
            task = loop.create_task(gate.pipeline.infer(gate.path))
            loop.run_until_complete(asyncio.sleep(0))
            loop.call_soon(loop.stop)
            loop.run_forever()
            task._log_destroy_pending = False
            loop.close()
            gate.open()
            self.assertEqual(gate.pipeline(gate.path).tolist(), 1)  # and nothing was printed or broken
            del task
            gc.collect()


class MapTest(unittest.TestCase):
    def test_order(self):
        toy = leat.Pipeline(TOY)
        items = [np.array([i, 1], np.float32) for i in range(300)]
        expected = [soft(x) for x in items]
        for in_flight in (1, 7, 1000):
            got = [y.tolist() for y in toy.map(iter(items), in_flight=in_flight)]
            self.assertEqual(got, expected)
        self.assertEqual(sorted(y.tolist() for y in toy.map(items, ordered=False)), sorted(expected))
        self.assertEqual([y.tolist() for y in toy.map([{"x": [1.0, 1.0]}, ([1.0, 1.0],)])], [[0.5, 0.5]] * 2)
        self.assertEqual(list(toy.map([])), [])

    def test_endless_items_are_taken_as_answers_are(self):
        toy = leat.Pipeline(TOY)
        taken = []

        def endless():
            for i in itertools.count():
                taken.append(i)
                yield [float(i), 1.0]

        for ordered in (True, False):
            taken.clear()
            answers = toy.map(endless(), in_flight=5, ordered=ordered)
            for got in range(1, 50):
                next(answers)
                self.assertLessEqual(len(taken), got + 5)
            answers.close()
            self.assertRaises(StopIteration, next, answers)

    def test_failures_come_in_their_place(self):
        toy = leat.Pipeline(TOY)
        items = [[1.0], object(), [[1.0]], [2.0]]
        answers = toy.map(items)
        self.assertEqual(next(answers).tolist(), [1])
        self.assertRaises(leat.BadInput, next, answers)
        self.assertRaises(leat.BadInput, next, answers)
        self.assertEqual(next(answers).tolist(), [1])
        self.assertRaises(StopIteration, next, answers)
        for ordered in (True, False):
            kinds = sorted(type(y).__name__ for y in toy.map(items, errors="return", ordered=ordered))
            self.assertEqual(kinds, ["BadInput", "BadInput", "ndarray", "ndarray"])
        self.assertRaises(ValueError, toy.map, items, in_flight=0)
        self.assertRaises(ValueError, toy.map, items, errors="drop")

        def broken():
            yield [1.0]
            raise KeyError("items")

        answers = toy.map(broken(), in_flight=1)
        self.assertEqual(next(answers).tolist(), [1])
        self.assertRaises(KeyError, next, answers)


class ThreadsTest(unittest.TestCase):
    def test_calls_from_many_threads(self):
        toy = leat.Pipeline(TOY)  # loaded once, used by all
        built = leat.Pipeline()  # loaded by whoever comes first
        built.output(y=built.tensor.softmax(built.input("x", "FP32[?]")))
        failed = []

        def work(k):
            try:
                for i in range(300):
                    x = np.array([i, k, 1], np.float32)
                    for p in (toy, built):
                        assert p(x).tolist() == soft(x)
                    assert toy.submit(x).result().tolist() == soft(x)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

    def test_others_run_while_a_call_waits(self):
        """The GIL is not held: this thread opens the gate that the other waits at."""
        with Gate() as gate:
            answers = []
            thread = threading.Thread(target=lambda: answers.append(gate.pipeline(gate.path)))
            thread.start()
            gate.open()
            thread.join()
            self.assertEqual(answers[0].tolist(), 1)

    def test_ctrl_c_ends_a_call(self):
        with Gate() as gate:
            def interrupt():
                while not gate.count("in_flight"):
                    pass
                signal.raise_signal(signal.SIGINT)

            thread = threading.Thread(target=interrupt)
            thread.start()
            with self.assertRaises(KeyboardInterrupt):
                gate.pipeline(gate.path)
            thread.join()


class EndTest(unittest.TestCase):
    """Processes that end with calls under way end, at once and quietly."""

    def ends(self, code):
        before = f"import sys; sys.path.insert(0, {os.path.dirname(GATE)!r})\n"
        done = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stderr)
        return done.stdout

    def test_with_calls_under_way(self):
        self.ends("""
import numpy as np, leat, test_calls
gate = test_calls.Gate()
kept = [gate.pipeline.submit(gate.path) for _ in range(20)]
toy = leat.Pipeline(test_calls.TOY)
more = [toy.submit(np.zeros(1000, np.float32)) for _ in range(1000)]
""")

    def test_with_a_daemon_thread_in_a_call(self):
        self.assertIn(self.ends("""
import threading, leat, test_calls
gate = test_calls.Gate()
begun = threading.Event()
def call():
    begun.set()
    try:
        gate.pipeline(gate.path)
    except leat.Error as error:
        print(error.code)
threading.Thread(target=call, daemon=True).start()
begun.wait()
while not gate.count("in_flight"):
    pass
"""), ("", "unavailable\n"))

    def test_with_a_server(self):
        self.ends("""
import leat, test_calls
server = leat.serve(test_calls.TOY, http=0)
print(leat.Client(server.url).run("toy", x=[1.0]))
""")


if __name__ == "__main__":
    unittest.main()
