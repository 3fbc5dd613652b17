"""Collectors, exporters, and StatsD at the other end of a socket."""

import asyncio
import logging
import os
import socket
import threading
import time
import unittest

from aqueduct_package import Started, better, module, quiet, until

aqueduct = module()
metrics = module("metrics")
collect = module("metrics.collect")
export = module("metrics.export")
task_metrics = module("metrics.task")


class Task(aqueduct.BaseTask):
    result = None


class Handler(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.result = len(tasks)


class Other(Handler):
    pass


class Slow(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        time.sleep(0.3)


class Buffer(export.StatsDBuffer):
    def __init__(self):
        self.counts, self.timings = {}, {}

    def count(self, name, value):
        self.counts[name] = self.counts.get(name, 0) + value

    def timing(self, name, value):
        self.timings.setdefault(name, []).append(value)


class Datagrams(Buffer):
    """The text of StatsD."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = address

    def count(self, name, value):
        self.send(f"{name}:{value}|c")

    def timing(self, name, value):
        self.send(f"{name}:{value}|ms")

    def send(self, text):
        self.socket.sendto(text.encode(), self.address)


STEPS = "step1_Handler", "step2_Other"
HOPS = ("from_main_process_to_step1_Handler", "from_step1_Handler_to_step2_Other",
        "from_step2_Other_to_main_process")


class Metrics(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        quiet()

    async def export_of(self, buffer, count=10, **options):
        exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.02,
                                                   prefix=options.pop("prefix", None))
        async with Started(aqueduct.FlowStep(Handler(), batch_size=4), Other(),
                           metrics_exporter=exporter, metrics_enabled=True, **options) as flow:
            await asyncio.gather(*(flow.process(Task(), timeout_sec=60) for _ in range(count)))
            # until what is looked at once a second has come, too
            for _ in range(300):
                if any("memory_usage" in name for name in getattr(buffer, "timings", ["memory_usage"])):
                    break
                await asyncio.sleep(0.01)
        return buffer

    async def test_names(self):
        got = await self.export_of(Buffer())
        for hop in HOPS:
            self.assertEqual(len(got.timings[f"aqueduct.transfer_time.{hop}"]), 10)
            self.assertEqual(len(got.timings[f"aqueduct.task_size.{hop}"]), 10)
            self.assertIn(f"aqueduct.qsize.{hop}", got.timings)
        for step in (*STEPS, "total"):
            self.assertEqual(len(got.timings[f"aqueduct.handle_time.{step}"]), 10)
        sizes = got.timings[f"aqueduct.batch_size.{STEPS[0]}"]
        self.assertEqual(sum(sizes), 10)
        self.assertEqual(len(got.timings[f"aqueduct.batch_time.{STEPS[0]}"]), len(sizes))
        self.assertNotIn(f"aqueduct.batch_size.{STEPS[1]}", got.timings)
        self.assertEqual(got.counts["aqueduct.tasks.complete"], 10)
        self.assertGreaterEqual(got.counts["aqueduct.processes.running"], 2)
        self.assertGreater(got.timings["aqueduct.memory_usage.all_memory_usage"][0], 1 << 20)
        for name in ("step0_Handler", "step1_Other"):  # counted from 0 here
            self.assertGreater(got.timings[f"aqueduct.memory_usage.{name}"][0], 1 << 20)

    async def test_times_are_milliseconds_and_sizes_bytes(self):
        got = await self.export_of(Buffer())
        total = max(got.timings["aqueduct.handle_time.total"])
        self.assertTrue(0 < total < 60_000)
        for hop in HOPS:
            self.assertTrue(all(0 <= took <= total
                                for took in got.timings[f"aqueduct.transfer_time.{hop}"]))
            self.assertTrue(all(50 < size < 10_000
                                for size in got.timings[f"aqueduct.task_size.{hop}"]))

    async def test_prefix(self):
        got = await self.export_of(Buffer(), prefix="app")
        self.assertIn(f"aqueduct.app.handle_time.{STEPS[0]}", got.timings)

    async def test_datagrams(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            server.bind(("127.0.0.1", 0))
            server.settimeout(60)
            target = Datagrams(server.getsockname())
            self.addCleanup(target.socket.close)
            await self.export_of(target, count=1)
            server.setblocking(False)
            lines = []
            try:
                while True:
                    lines.append(server.recv(2000).decode())
            except BlockingIOError:
                pass
        self.assertIn("aqueduct.tasks.complete:1|c", lines)
        self.assertTrue(any(line.startswith(f"aqueduct.handle_time.{STEPS[1]}:") and
                            line.endswith("|ms") for line in lines))

    async def test_priorities_have_names_of_their_own(self):
        buffer = Buffer()
        exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.02)
        async with Started(Handler(), metrics_exporter=exporter, queue_priorities=2,
                           metrics_enabled=True) as flow:
            task = Task()
            task.set_priority(1)
            await flow.process(task, timeout_sec=60)
        self.assertIn("aqueduct.transfer_time.p_1_from_main_process_to_step1_Handler",
                      buffer.timings)

    async def test_no_timers(self):
        for options in ({"metrics_enabled": False},
                        {"metrics_collector": metrics.Collector(collectible_metrics=[])}):
            buffer = Buffer()
            exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.02)
            async with Started(Handler(), **{"metrics_enabled": True, **options},
                               metrics_exporter=exporter) as flow:
                await flow.process(Task(), timeout_sec=60)
            self.assertFalse([name for name in buffer.timings if "memory" not in name])

    async def test_timeouts_and_cancellations_are_counted(self):
        buffer = Buffer()
        exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.02)
        async with Started(Slow(), metrics_exporter=exporter,
                           metrics_enabled=True) as flow:
            with self.assertRaises(module("exceptions").FlowError):
                await flow.process(Task(), timeout_sec=0.1)
            call = asyncio.ensure_future(flow.process(Task(), timeout_sec=60))
            await asyncio.sleep(0.05)
            call.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await call
        self.assertEqual(buffer.counts["aqueduct.tasks.timeout"], 1)
        self.assertEqual(buffer.counts["aqueduct.tasks.cancel"], 1)

    def test_a_collector_gives_everything_once(self):
        collector = metrics.Collector()
        collector.add_tasks_stats(collect.TasksStats(complete=2))
        collector.add_tasks_stats(collect.TasksStats(timeout=1))
        one = task_metrics.TaskMetrics()
        one.handle_times.add("step", 0.5)
        collector.add_task_metrics(one)
        got = collector.extract_metrics()
        self.assertEqual((got.tasks_stats.complete, got.tasks_stats.timeout), (2, 1))
        self.assertEqual(list(got.handle_times.items), [("step", 0.5)])
        got = collector.extract_metrics()
        self.assertEqual((got.tasks_stats.complete, list(got.handle_times.items)), (0, []))

    def test_kinds(self):
        kind = metrics.MetricsTypes.TASK_TIMERS
        self.assertTrue(metrics.Collector().is_collectible(kind))
        self.assertTrue(metrics.Collector(["task_timers"]).is_collectible(kind))
        self.assertFalse(metrics.Collector(["queue_size"]).is_collectible(kind))

    def test_the_logger_can_be_replaced(self):
        log, replace = module("logger").log, module("logger").replace_logger
        kept = {name: getattr(log, name)
                for name in ("name", "level", "parent", "propagate", "handlers", "disabled")}
        lines = []
        mine = logging.getLogger("mine")
        mine.setLevel("INFO")
        mine.propagate = False
        mine.addHandler(type("Keep", (logging.Handler,),
                             {"emit": lambda self, record: lines.append(record.getMessage())})())
        try:
            replace(mine)
            log.info("one %s", 1)
        finally:
            for name, value in kept.items():
                setattr(log, name, value)
        self.assertEqual(lines, ["one 1"])

    # --- Better.

    @better
    async def test_nothing_grows_while_nobody_looks(self):
        """Aqueduct's default exporter keeps every value for ever."""
        flow = aqueduct.Flow(Handler())
        target = flow._metrics_manager.exporter.target
        kept = type(flow._metrics_manager.exporter).kept
        for _ in range(10):
            storage = collect.AqueductMetricsStorage()
            storage.handle_times.add_items([("step", 0.1)] * 5000)
            flow._metrics_manager.exporter.export(storage)
        self.assertLessEqual(len(target.handle_times.items), kept)

    @better
    async def test_a_broken_exporter_loses_metrics_and_nothing_else(self):
        class Broken(export.Exporter):
            calls = 0

            def export(self, metrics):
                self.calls += 1
                raise RuntimeError("no network")

        exporter = Broken(None, export_period=0.01)
        async with Started(Handler(), metrics_exporter=exporter, metrics_enabled=True) as flow:
            await asyncio.to_thread(until, lambda: exporter.calls > 2, "another try")
            task = Task()
            await flow.process(task, timeout_sec=60)
            self.assertEqual(task.result, 1)

    @better
    async def test_an_exporter_does_not_hold_up_the_loop(self):
        release = threading.Event()

        class Stuck(export.Exporter):
            entered = threading.Event()

            def export(self, metrics):
                self.entered.set()
                release.wait()

        exporter = Stuck(None, export_period=0.01)
        flow = aqueduct.Flow(Handler(), metrics_exporter=exporter)
        flow.start()
        try:
            await asyncio.to_thread(exporter.entered.wait)
            task = Task()
            await flow.process(task, timeout_sec=60)
            self.assertEqual(task.result, 1)
        finally:
            release.set()
            await flow.stop()

    @better
    async def test_dead_processes_are_counted(self):
        class Dies(aqueduct.BaseTaskHandler):
            def handle(self, *tasks):
                os._exit(1)

        buffer = Buffer()
        exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.01)
        collector = metrics.Collector(qsize_collect_period=0.01)
        async with Started(Dies(), metrics_exporter=exporter, metrics_collector=collector,
                           metrics_enabled=True) as flow:
            with self.assertRaises(module("exceptions").FlowError):
                await flow.process(Task(), timeout_sec=60)
            await asyncio.to_thread(
                until, lambda: buffer.counts.get("aqueduct.processes.dead", 0) >= 2, "the count")

    @better
    async def test_a_handler_s_own_metrics_travel_along(self):
        class Measures(aqueduct.BaseTaskHandler):
            def handle(self, *tasks):
                for task in tasks:
                    task.metrics.handle_times.add("mine", 0.25)

        buffer = Buffer()
        exporter = metrics.ToStatsDMetricsExporter(buffer, export_period=0.01)
        async with Started(Measures(), Handler(), metrics_exporter=exporter,
                           metrics_enabled=True) as flow:
            await flow.process(Task(), timeout_sec=60)
        self.assertEqual(buffer.timings["aqueduct.handle_time.mine"], [250.0])


if __name__ == "__main__":
    unittest.main()
