"""A flow in a process of its own, for several web workers:

    flow = SocketFlow()
    context = flow.preload(Flow(...))     # once, in the process that forks the workers
    await flow.start()                    # in each worker
    await flow.process([task])

Environment variables, which begin with the flow's name and `_`: SOCKET_PATH, FLOW_PROCESS_TIMEOUT,
SOCKET_SERVER_IDLE_TIMEOUT, SOCKET_SERVER_BACKLOG_SIZE for preload(); SOCKET_PATH, SOCKET_POOL_SIZE,
SOCKET_POOL_CONNECT_TIMEOUT, SOCKET_POOL_READ_TIMEOUT, SOCKET_POOL_CONNECTION_RETRIES for start().
Times are seconds.
"""

import asyncio
import multiprocessing
import os
from typing import List, Optional

from leat.aqueduct.exceptions import FlowError
from leat.aqueduct.flow import Flow
from leat.aqueduct.sockets.connection_pool import SocketConnectionPool
from leat.aqueduct.sockets.flow_server import FlowSocketServer
from leat.aqueduct.task import BaseTask
from leat.aqueduct.utils import get_env_with_prefix

SOCKET_PATH = "/tmp/flow.sock"


class ProcessContext:
    """`processes`: of multiprocessing."""

    def __init__(self, processes):
        self.processes = processes

    def pids(self) -> List[int]:
        return [process.pid for process in self.processes]

    def join_all(self, timeout: Optional[float] = None) -> bool:
        """True: all have ended."""
        for process in self.processes:
            process.join(timeout)
        return not any(process.is_alive() for process in self.processes)


class SocketFlow:
    def __init__(self, name: str = "") -> None:
        self._name = name
        self._pool: Optional[SocketConnectionPool] = None

    def preload(self, flow: Flow, timeout: Optional[float] = None) -> ProcessContext:
        """Starts the process that has the flow; returns when it can be reached. TimeoutError, and
        FlowError, as of Flow.start()."""
        flow._leave_processes()
        server = FlowSocketServer(
            flow=flow,
            socket_path=self._env("SOCKET_PATH", SOCKET_PATH),
            process_timeout_sec=float(self._env("FLOW_PROCESS_TIMEOUT", 1)),
            connection_idle_timeout_sec=float(self._env("SOCKET_SERVER_IDLE_TIMEOUT", 900)),
            backlog_size=int(self._env("SOCKET_SERVER_BACKLOG_SIZE", 4096)))
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=server.start, args=(theirs, timeout), daemon=True)
        process.start()
        theirs.close()
        try:
            failed = ours.recv()
        except EOFError:
            failed = FlowError("the flow's process has died while it started")
        if failed is not None:
            process.join()
            raise failed
        return ProcessContext([process])

    async def start(self) -> None:
        self._pool = SocketConnectionPool(
            socket_path=self._env("SOCKET_PATH", SOCKET_PATH),
            size=int(self._env("SOCKET_POOL_SIZE", 10)),
            connect_timeout_sec=float(self._env("SOCKET_POOL_CONNECT_TIMEOUT", 0.1)),
            read_timeout_sec=float(self._env("SOCKET_POOL_READ_TIMEOUT", 1)),
            connection_retries=int(self._env("SOCKET_POOL_CONNECTION_RETRIES", 1)))
        await self._pool.init()

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def process(self, tasks: List[BaseTask], timeout_sec: float = 5.0) -> bool:
        """Takes the tasks through the flow together. Raises what the first that failed did; the
        others have their results all the same."""
        if self._pool is None:
            raise RuntimeError("there are no connections yet: await start() first")
        try:
            results = await asyncio.wait_for(self._pool.handle(tasks), timeout_sec)
        except Exception as error:
            for task, result in zip(tasks, getattr(error, "results", ())):
                if result is not None:
                    task.update(result)
            raise
        for task, result in zip(tasks, results):
            task.update(result)
        return True

    def _env(self, name, otherwise):
        return os.environ.get(get_env_with_prefix(self._name, name), otherwise)
