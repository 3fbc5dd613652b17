"""A web worker's connections to the process that has the flow."""

import asyncio
import contextlib
from typing import List

from leat.aqueduct.call import RemoteTraceback
from leat.aqueduct.logger import log
from leat.aqueduct.sockets.protocol import SocketProtocol, SocketResponse
from leat.aqueduct.task import BaseTask


class OpenConnectionError(Exception):
    """There is nobody at the socket."""


class SocketServerError(Exception):
    """The other side could not read what came."""


class SocketConnectionPool(SocketProtocol):
    """`size`: connections that are kept. `connect_timeout_sec`: that a call waits for one of them
    before it opens another. `read_timeout_sec`: for an answer. `connection_retries`: tries."""

    RETRYABLE_EXCEPTIONS = (OpenConnectionError, SocketServerError, ConnectionError,
                            asyncio.IncompleteReadError, asyncio.TimeoutError)

    def __init__(self, socket_path: str = "/tmp/flow.sock", size: int = 10,
                 connect_timeout_sec: float = 0.1, read_timeout_sec: float = 1,
                 connection_retries: int = 1):
        self._path = socket_path
        self._size = size
        self._connect_timeout = connect_timeout_sec
        self._read_timeout = read_timeout_sec
        self._tries = max(1, connection_retries)
        self._free: asyncio.Queue = asyncio.Queue()
        self._started = False

    async def init(self) -> None:
        """Opens what can be opened; the rest is when it is needed."""
        if self._started:
            return
        self._started = True
        for _ in range(self._size):
            with contextlib.suppress(OpenConnectionError):
                self._free.put_nowait(await self._open())

    async def close(self) -> None:
        while not self._free.empty():
            await self._shut(self._free.get_nowait())

    async def handle(self, tasks: List[BaseTask]) -> List[BaseTask]:
        """The tasks as they came back. Raises the first that a task failed with, which has them as
        `results` (None for those that failed)."""
        for left in reversed(range(self._tries)):
            try:
                response = await self._ask(tasks)
                break
            except self.RETRYABLE_EXCEPTIONS:
                if not left:
                    log.exception("the flow's process does not answer")
                    raise
        if response.ok:
            return response.result
        error, told = next(filter(None, response.errors))
        error.__cause__ = RemoteTraceback(told)
        error.results = [None if failed else task
                         for task, failed in zip(response.result, response.errors)]
        raise error

    async def _ask(self, tasks) -> SocketResponse:
        connection = await self._take()
        reader, writer = connection
        good = False
        try:
            await self._write(writer, tasks)
            response = await asyncio.wait_for(self._read(reader), self._read_timeout)
            if response.error:
                raise SocketServerError(response.error)
            good = True
            return response
        finally:
            if good and not writer.is_closing() and self._free.qsize() < self._size:
                self._free.put_nowait(connection)
            else:
                await self._shut(connection)

    async def _take(self):
        try:
            connection = await asyncio.wait_for(self._free.get(), self._connect_timeout)
        except asyncio.TimeoutError:
            return await self._open()
        if connection[0].at_eof() or connection[1].is_closing():  # the other side has closed it
            await self._shut(connection)
            return await self._open()
        return connection

    async def _open(self):
        try:
            return await asyncio.wait_for(asyncio.open_unix_connection(self._path),
                                          self._connect_timeout)
        except (OSError, asyncio.TimeoutError) as error:
            raise OpenConnectionError(f"{self._path}: {error or 'nobody answers'}") from error

    @staticmethod
    async def _shut(connection):
        with contextlib.suppress(Exception):
            connection[1].close()
            await connection[1].wait_closed()
