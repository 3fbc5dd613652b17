"""What goes wrong in a handler, and whom it costs: leat's own promises. Aqueduct stops the flow when
a handler raises or dies, and waits for ever when one hangs."""

import asyncio
import os
import pathlib
import signal
import tempfile
import threading
import time
import unittest

import numpy as np

from aqueduct_package import Started, better, module, quiet, until

aqueduct = module()
exceptions = module("exceptions")
FlowState = module("flow").FlowState


class NotPicklable(Exception):
    def __init__(self, one, two):
        super().__init__(one)
        self.lock = threading.Lock()


class Special(ValueError):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


class Task(aqueduct.BaseTask):
    def __init__(self, order="", x=None):
        super().__init__()
        self.order = order
        self.x = x
        self.result = None


class Obey(aqueduct.BaseTaskHandler):
    def __init__(self, folder=""):
        self.folder = folder

    def on_start(self):
        self.pid = os.getpid()

    def handle(self, *tasks):
        for task in tasks:
            if task.x is not None:
                task.x += 1
        for task in tasks:
            self.obey(task.order, len(tasks))
            task.result = self.pid

    def obey(self, order, together):
        if order == "raise":
            raise Special(42, "as ordered")
        if order == "unpicklable":
            raise NotPicklable("of a kind", 2)
        if order == "timeout":
            raise TimeoutError("my own")
        if order == "together" and together > 1:
            raise RuntimeError("not with others")
        if order == "exit":
            os._exit(3)
        if order == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if order == "once":
            once = pathlib.Path(self.folder, "once")
            if not once.exists():
                once.touch()
                os._exit(4)
        if order == "hang":
            time.sleep(3600)
        if order == "wait":
            pathlib.Path(self.folder, "begun").touch()
            while pathlib.Path(self.folder, "lock").exists():
                time.sleep(0.002)


class BadStart(aqueduct.BaseTaskHandler):
    def on_start(self):
        raise RuntimeError("no model here")


class HasLock(aqueduct.BaseTaskHandler):
    def __init__(self):
        self.lock = threading.Lock()


class Unreadable:
    def __reduce__(self):
        return int, ("not a number",)


class MakesUnreadable(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.result = threading.Lock() if task.order == "lock" else Unreadable()


@better
class Failures(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        quiet()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    async def process(self, flow, *orders, **options):
        """The tasks, and of each True or its exception."""
        options.setdefault("timeout_sec", 60)
        tasks = [Task(order) for order in orders]
        return tasks, await asyncio.gather(*(flow.process(task, **options) for task in tasks),
                                           return_exceptions=True)

    async def test_an_exception_is_its_task_s(self):
        async with Started(Obey()) as flow:
            tasks, got = await self.process(flow, "", "raise", "")
            self.assertEqual(got[::2], [True, True])
            self.assertIs(type(got[1]), Special)
            self.assertEqual((got[1].code, got[1].args), (42, (42, "as ordered")))
            self.assertIn("in obey", str(got[1].__cause__))
            self.assertIsNone(tasks[1].result)
            self.assertEqual(tasks[0].result, tasks[2].result)  # the process goes on
            self.assertTrue(flow.is_running)

    async def test_of_a_batch_only_those_to_blame_fail(self):
        """The lock lets a batch come together behind a step of its own."""
        (self.folder / "lock").touch()
        async with Started(Obey(str(self.folder)),
                           aqueduct.FlowStep(Obey(), batch_size=6, batch_timeout=5)) as flow:
            tasks = [Task(order, np.zeros(50_000, np.int32))
                     for order in ("", "", "together", "", "together", "")]
            calls = [asyncio.ensure_future(flow.process(task, timeout_sec=60)) for task in tasks]
            (self.folder / "lock").unlink()
            self.assertEqual(await asyncio.gather(*calls), [True] * 6)
            for task in tasks:  # once by each step, whatever a try before has written
                self.assertEqual((task.x.min(), task.x.max()), (2, 2))

    async def test_of_a_batch_with_one_that_always_fails(self):
        async with Started(aqueduct.FlowStep(Obey(), batch_size=4, batch_timeout=1)) as flow:
            _, got = await self.process(flow, "", "raise", "", "")
            self.assertEqual([type(one) for one in got], [bool, Special, bool, bool])

    async def test_an_exception_in_a_later_step(self):
        class First(Obey):
            def handle(self, *tasks):
                for task in tasks:
                    task.result = "first"

        async with Started(First(), Obey(), First()) as flow:
            tasks, got = await self.process(flow, "raise", "")
            self.assertIsInstance(got[0], Special)
            self.assertEqual(tasks[1].result, "first")

    async def test_an_exception_that_cannot_be_pickled(self):
        async with Started(Obey()) as flow:
            _, (got,) = await self.process(flow, "unpicklable")
            self.assertIs(type(got), exceptions.FlowError)
            self.assertIn("of a kind", str(got))
            self.assertIn("in obey", str(got.__cause__))

    async def test_a_timeout_of_the_handler_s_own(self):
        async with Started(Obey()) as flow:
            _, (got,) = await self.process(flow, "timeout")
            self.assertEqual((type(got), str(got)), (TimeoutError, "my own"))

    async def test_a_condition_that_raises(self):
        def condition(task):
            raise KeyError("condition")

        async with Started(Obey(), aqueduct.FlowStep(Obey(), handle_condition=condition)) as flow:
            _, (got,) = await self.process(flow, "")
            self.assertIsInstance(got, KeyError)

    async def test_results_that_cannot_travel(self):
        async with Started(MakesUnreadable()) as flow:
            _, got = await self.process(flow, "lock", "unreadable")
            self.assertIsInstance(got[0], TypeError)
            self.assertIsInstance(got[1], exceptions.FlowError)
            self.assertIn("not a number", str(got[1]))

    async def test_a_task_that_cannot_travel(self):
        async with Started(Obey()) as flow:
            task = Task()
            task.x = threading.Lock()
            with self.assertRaises(TypeError):
                await flow.process(task, timeout_sec=60)
            _, got = await self.process(flow, "")
            self.assertEqual(got, [True])

    async def test_a_process_that_dies_is_replaced(self):
        for order in ("exit", "segfault"):
            async with Started(Obey()) as flow:
                before, _ = await self.process(flow, "")
                _, got = await self.process(flow, "", order, "")
                self.assertEqual(got[::2], [True, True])
                self.assertIsInstance(got[1], exceptions.FlowError)
                self.assertIn("twice", str(got[1]))
                after, got = await self.process(flow, "")
                self.assertEqual(got, [True])
                self.assertNotEqual(before[0].result, after[0].result)
                self.assertIs(flow.state, FlowState.RUNNING)

    async def test_a_death_that_is_not_repeated_costs_nothing(self):
        async with Started(Obey(str(self.folder))) as flow:
            _, got = await self.process(flow, "", "once", "")
            self.assertEqual(got, [True] * 3)

    async def test_killed_from_outside(self):
        (self.folder / "lock").touch()
        async with Started(Obey(str(self.folder))) as flow:
            tasks, _ = await self.process(flow, "")
            call = asyncio.ensure_future(self.process(flow, "wait", ""))
            await asyncio.to_thread(until, (self.folder / "begun").exists, "the handler's turn")
            os.kill(tasks[0].result, signal.SIGKILL)
            (self.folder / "lock").unlink()
            _, got = await call
            self.assertEqual(got, [True, True])

    async def test_side_effects_are_not_repeated(self):
        step = aqueduct.FlowStep(Obey(str(self.folder)), side_effects=True)
        async with Started(step) as flow:
            _, (got,) = await self.process(flow, "once")
            self.assertIsInstance(got, exceptions.FlowError)
            _, got = await self.process(flow, "")
            self.assertEqual(got, [True])

    async def test_a_hung_handler_is_ended_at_its_limit(self):
        async with Started(aqueduct.FlowStep(Obey(), time_limit=0.3)) as flow:
            _, got = await self.process(flow, "hang", "")
            self.assertIsInstance(got[0], exceptions.FlowError)
            self.assertIs(got[1], True)

    async def test_a_hung_handler_is_ended_when_nobody_waits(self):
        call = module("call")
        grace, call.GRACE = call.GRACE, 0.2
        try:
            async with Started(Obey()) as flow:
                _, (got,) = await self.process(flow, "hang", timeout_sec=0.2)
                self.assertRegex(str(got), "timeout")
                _, got = await self.process(flow, "")
                self.assertEqual(got, [True])
        finally:
            call.GRACE = grace

    async def test_a_stop_while_a_handler_hangs(self):
        flow = aqueduct.Flow(Obey(), metrics_enabled=False)
        flow.start()
        calls = asyncio.ensure_future(self.process(flow, "hang"))
        await asyncio.sleep(0.1)
        await flow.stop(graceful=False)
        _, (got,) = await calls
        self.assertIsInstance(got, exceptions.FlowError)

    async def test_the_loop_goes_on(self):
        """While handlers die, hang and are replaced, and the flow stops, nothing holds up the loop
        for longer than the machine does by itself."""
        longest, last, ended = 0.0, time.monotonic(), False

        async def tick():
            nonlocal longest, last
            while not ended:
                await asyncio.sleep(0.005)
                now = time.monotonic()
                longest, last = max(longest, now - last), now

        ticks = asyncio.ensure_future(tick())
        flow = aqueduct.Flow(aqueduct.FlowStep(Obey(), time_limit=0.3), metrics_enabled=False)
        await asyncio.to_thread(flow.start)
        await self.process(flow, *["", "hang", "exit", "raise"] * 3)
        await flow.stop()
        ended = True
        await ticks
        self.assertLess(longest, 4.0)  # Aqueduct's stop() alone holds it up for 5

    async def test_on_start_that_raises(self):
        flow = aqueduct.Flow(Obey(), BadStart(), metrics_enabled=False)
        with self.assertRaisesRegex(exceptions.FlowError, "no model here"):
            flow.start()
        self.assertIs(flow.state, FlowState.STOPPED)

    async def test_a_handler_that_cannot_be_sent(self):
        flow = aqueduct.Flow(HasLock(), metrics_enabled=False)
        with self.assertRaisesRegex(exceptions.FlowError, "HasLock.*on_start"):
            flow.start()


if __name__ == "__main__":
    unittest.main()
