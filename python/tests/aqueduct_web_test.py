"""Flows in an aiohttp application, and one flow for several web workers."""

import asyncio
import multiprocessing
import os
import pathlib
import signal
import sys
import tempfile
import unittest
from unittest import mock

from aqueduct_package import better, module, quiet, until

aqueduct = module()
exceptions = module("exceptions")

try:
    from aiohttp import ClientSession, web
except ImportError:
    print("skipped: there is no aiohttp; tools/setup.sh bench brings it")
    sys.exit(0)

integration = module("integrations.aiohttp")
SocketFlow = module("sockets.flow").SocketFlow


class Task(aqueduct.BaseTask):
    def __init__(self, number=0):
        super().__init__()
        self.number = number
        self.result = None
        self.pid = None


class Square(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            if task.number < 0:
                raise ValueError(f"{task.number} is negative")
            task.result = task.number**2
            task.pid = os.getpid()


class Die(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        os._exit(1)


def flow(handler=Square):
    return aqueduct.Flow(aqueduct.FlowStep(handler()), metrics_enabled=False)


async def answer(request):
    task = Task(int(await request.text()))
    await request.app[integration.FLOW_NAME].process(task, timeout_sec=60)
    return web.json_response({"result": task.result})


class Aiohttp(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        quiet()

    async def serve(self, app):
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, "http://127.0.0.1:%d/" % site._server.sockets[0].getsockname()[1]

    async def test_a_service(self):
        app = web.Application()
        app.router.add_post("/", answer)
        integration.AppIntegrator(app).add_flow(flow())
        self.assertTrue(app[integration.FLOW_NAME].is_running)
        runner, url = await self.serve(app)
        async with ClientSession() as session:
            async def post(number):
                async with session.post(url, data=str(number)) as response:
                    return (await response.json())["result"]
            got = await asyncio.gather(*map(post, range(20)))
        self.assertEqual(got, [number**2 for number in range(20)])
        await runner.cleanup()
        self.assertFalse(app[integration.FLOW_NAME].is_running)

    async def test_a_body_into_shared_memory(self):
        async def total(request):
            task = Task()
            await task.share_value_with_data("body", request.content, request.content_length)
            task.number = len(task.body)
            await request.app["flow"].process(task, timeout_sec=60)
            return web.json_response({"result": task.result})

        app = web.Application(client_max_size=0)
        app.router.add_post("/", total)
        integration.AppIntegrator(app).add_flow(flow())
        runner, url = await self.serve(app)
        async with ClientSession() as session:
            async with session.post(url, data=b"x" * 1_000_000) as response:
                self.assertEqual((await response.json())["result"], 10**12)
        await runner.cleanup()

    async def test_several_flows(self):
        app = web.Application()
        integrator = integration.AppIntegrator(app, exit_on_fail=False)
        integrator.add_flow(flow(), "first")
        later = flow()
        integrator.add_flow(later, "second", with_start=False)
        self.assertEqual((app["first"].is_running, app["second"].is_running), (True, False))
        with self.assertRaises(RuntimeError):
            integrator.add_flow(flow(), "first")
        with self.assertRaises(RuntimeError):
            integration.AppIntegrator(app)
        await app["first"].stop(graceful=False)

    async def test_the_application_ends_with_its_flow(self):
        app = web.Application()
        integration.AppIntegrator(app).add_flow(flow())
        with mock.patch("os.kill") as kill:
            runner, _ = await self.serve(app)
            await app["flow"].stop(graceful=False)
            for _ in range(500):
                if any(call.args == (os.getpid(), signal.SIGTERM) for call in kill.mock_calls):
                    break
                await asyncio.sleep(0.01)
            else:
                self.fail("nobody has ended the application")
            await runner.cleanup()

    def test_the_timeout_of_the_start(self):
        for text, seconds in ((None, 300.0), ("7.5", 7.5), ("0", None), ("much", 300.0)):
            with mock.patch.dict(os.environ, {"FLOW_START_TIMEOUT": text} if text else {}):
                self.assertEqual(integration.get_start_timeout(), seconds)

    @better
    async def test_the_application_outlives_a_handler(self):
        app = web.Application()
        integration.AppIntegrator(app).add_flow(flow(Die))
        with mock.patch("os.kill") as kill:
            runner, _ = await self.serve(app)
            with self.assertRaises(exceptions.FlowError):
                await app["flow"].process(Task(), timeout_sec=60)
            self.assertTrue(app["flow"].is_running)
            await runner.cleanup()
        self.assertFalse(kill.mock_calls)


def worker(pipe, numbers):
    """A web worker: a process forked from the one that has called preload()."""
    async def main():
        client = SocketFlow()
        await client.start()
        tasks = [Task(number) for number in numbers]
        try:
            await client.process(tasks, timeout_sec=60)
        except Exception as error:
            pipe.send((type(error).__name__, [task.result for task in tasks]))
        else:
            pipe.send(("", [task.result for task in tasks]))
        await client.stop()

    asyncio.run(main())


class Sockets(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        quiet()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "flow.sock")
        settings = {"_SOCKET_PATH": str(self.path), "_FLOW_PROCESS_TIMEOUT": "30",
                    "_SOCKET_POOL_READ_TIMEOUT": "30"}
        patch = mock.patch.dict(os.environ, settings)
        patch.start()
        self.addCleanup(patch.stop)

    def preload(self, handler=Square):
        context = SocketFlow().preload(flow(handler))

        def end():
            for process in context.processes:
                process.kill()
                process.join()

        self.addCleanup(end)
        until(self.path.exists, "the socket")
        return context

    async def test_one_process_has_the_flow(self):
        context = self.preload()
        self.assertEqual(len(context.processes), 1)
        client = SocketFlow()
        await client.start()
        tasks = [Task(number) for number in range(10)]
        self.assertIs(await client.process(tasks, timeout_sec=60), True)
        self.assertEqual([task.result for task in tasks], [number**2 for number in range(10)])
        await client.stop()

    async def test_several_workers(self):
        self.preload()
        fork = multiprocessing.get_context("fork")
        workers = []
        for number in range(3):
            ours, theirs = fork.Pipe()
            process = fork.Process(target=worker, args=(theirs, [number, 10 * number]))
            process.start()
            workers.append((process, ours))
        for number, (process, ours) in enumerate(workers):
            self.assertEqual(await asyncio.to_thread(ours.recv),
                             ("", [number**2, 100 * number**2]))
            process.join()

    async def test_many_calls_of_one_worker(self):
        self.preload()
        client = SocketFlow()
        await client.start()
        tasks = [Task(number) for number in range(60)]
        await asyncio.gather(*(client.process([task], timeout_sec=60) for task in tasks))
        self.assertEqual([task.result for task in tasks], [number**2 for number in range(60)])
        await client.stop()

    async def test_without_start(self):
        with self.assertRaises(RuntimeError):
            await SocketFlow().process([Task()])

    async def test_nobody_is_there(self):
        client = SocketFlow()
        await client.start()
        with self.assertRaises(Exception) as caught:
            await client.process([Task()])
        self.assertEqual(type(caught.exception).__name__, "OpenConnectionError")

    async def test_names_have_settings_of_their_own(self):
        with mock.patch.dict(os.environ, {"faces_SOCKET_PATH": str(self.path) + "2"}):
            self.preload()
            client = SocketFlow("faces")
            await client.start()
            with self.assertRaises(Exception) as caught:
                await client.process([Task()])
            self.assertEqual(type(caught.exception).__name__, "OpenConnectionError")

    @better
    async def test_an_exception_is_its_task_s(self):
        self.preload()
        client = SocketFlow()
        await client.start()
        tasks = [Task(2), Task(-1), Task(3)]
        with self.assertRaisesRegex(ValueError, "-1 is negative") as caught:
            await client.process(tasks, timeout_sec=60)
        self.assertIn("in handle", str(caught.exception.__cause__))
        self.assertEqual([task.result for task in tasks], [4, None, 9])
        await client.stop()

    @better
    async def test_larger_than_aqueduct_s_messages(self):
        self.preload()
        client = SocketFlow()
        await client.start()
        task = Task(3)
        task.data = bytes(20 << 20)
        await client.process([task], timeout_sec=60)
        self.assertEqual(task.result, 9)
        await client.stop()

    @better
    async def test_a_flow_that_has_been_started_moves(self):
        mine = flow()
        mine.init_processes()
        context = SocketFlow().preload(mine)
        self.addCleanup(context.processes[0].join)
        self.addCleanup(context.processes[0].kill)
        client = SocketFlow()
        await client.start()
        task = Task(5)
        await client.process([task], timeout_sec=60)
        self.assertEqual(task.result, 25)
        await client.stop()

    @better
    async def test_a_flow_that_cannot_start(self):
        class Bad(Square):
            def on_start(self):
                raise RuntimeError("no model here")

        with self.assertRaisesRegex(exceptions.FlowError, "no model here"):
            SocketFlow().preload(flow(Bad))

    @better
    async def test_its_processes_go_with_it(self):
        context = self.preload()
        client = SocketFlow()
        await client.start()
        task = Task(1)
        await client.process([task], timeout_sec=60)
        context.processes[0].kill()
        await asyncio.to_thread(until, lambda: not pathlib.Path(f"/proc/{task.pid}/fd").exists()
                                or not list(pathlib.Path(f"/proc/{task.pid}/task").glob("*"))
                                or "Z" in pathlib.Path(f"/proc/{task.pid}/stat").read_text(),
                                "the end of its workers")
        await client.stop()


if __name__ == "__main__":
    unittest.main()
