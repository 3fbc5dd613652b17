"""Metrics to StatsD by a client that has its own names for things."""

import asyncio
import socket
from typing import Union

from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep
from aqueduct.metrics import ToStatsDMetricsExporter
from aqueduct.metrics.export import StatsDBuffer

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))


class Client:
    """As the package statsd has it."""

    def __init__(self, host, port):
        self.socket, self.address = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (host, port)

    def incr(self, name, value):
        self.socket.sendto(f"{name}:{value}|c".encode(), self.address)

    def timing(self, name, value):
        self.socket.sendto(f"{name}:{value}|ms".encode(), self.address)


class AqueductStatsd(StatsDBuffer):
    def __init__(self):
        self.client = Client(*server.getsockname())

    def count(self, name: str, value: Union[float, int]):
        self.client.incr(name, value)

    def timing(self, name: str, value: Union[float, int]):
        self.client.timing(name, value)

    def gauge(self, name: str, value: Union[float, int]):
        raise NotImplementedError


class Nothing(BaseTaskHandler):
    def handle(self, *tasks):
        pass


async def main():
    flow = Flow(FlowStep(Nothing()), metrics_exporter=ToStatsDMetricsExporter(
        target=AqueductStatsd(), prefix="app", export_period=0.05))
    flow.start()
    await flow.process(BaseTask())
    await flow.stop(graceful=False)
    server.setblocking(False)
    names = set()
    try:
        while True:
            names.add(server.recv(2000).decode().split(":")[0])
    except BlockingIOError:
        pass
    for name in ("handle_time.step1_Nothing", "handle_time.total", "tasks.complete",
                 "transfer_time.from_main_process_to_step1_Nothing",
                 "task_size.from_step1_Nothing_to_main_process"):
        print(name, f"aqueduct.app.{name}" in names)


asyncio.run(main())
# handle_time.step1_Nothing True
# handle_time.total True
# tasks.complete True
# transfer_time.from_main_process_to_step1_Nothing True
# task_size.from_step1_Nothing_to_main_process True
