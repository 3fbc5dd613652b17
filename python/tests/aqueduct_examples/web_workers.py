"""One flow for several web workers, which are forked when the program has been loaded, as Gunicorn
does with preload_app."""

import asyncio
import multiprocessing
import os
import signal
import tempfile

from aqueduct.flow import Flow, FlowStep
from aqueduct.handler import BaseTaskHandler
from aqueduct.sockets.flow import SocketFlow
from aqueduct.task import BaseTask

os.environ["_SOCKET_PATH"] = tempfile.mktemp(suffix=".sock")
os.environ["_SOCKET_POOL_READ_TIMEOUT"] = os.environ["_FLOW_PROCESS_TIMEOUT"] = "30"


class Task(BaseTask):
    def __init__(self, name):
        super().__init__()
        self.name = name
        self.result = None


class Greet(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.result = f"hello, {task.name}"


def build_flow():
    return Flow(FlowStep(Greet()), metrics_enabled=False)


socket_flow = SocketFlow()


def web_worker(name, answers):
    async def main():
        await socket_flow.start()
        task = Task(name)
        await socket_flow.process([task])
        answers.put(task.result)
        await socket_flow.stop()

    asyncio.run(main())


context = socket_flow.preload(build_flow())
while not os.path.exists(os.environ["_SOCKET_PATH"]):
    pass
fork = multiprocessing.get_context("fork")
answers = fork.Queue()
workers = [fork.Process(target=web_worker, args=(name, answers)) for name in ("one", "two")]
for worker in workers:
    worker.start()
print(sorted(answers.get() for _ in workers))
for worker in workers:
    worker.join()
for process in context.processes:
    os.kill(process.pid, signal.SIGKILL)
# ['hello, one', 'hello, two']
