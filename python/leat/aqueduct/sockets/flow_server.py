"""The process that has the flow."""

import asyncio
import contextlib
import os
import pickle
import signal
import traceback
from typing import Optional

from leat.aqueduct.exceptions import FlowError
from leat.aqueduct.flow import Flow
from leat.aqueduct.logger import log
from leat.aqueduct.sockets.protocol import SocketProtocol, SocketResponse


class FlowSocketServer(SocketProtocol):
    """`process_timeout_sec`: for a task. `connection_idle_timeout_sec`: after which a connection is
    closed on which nothing comes."""

    def __init__(self, flow: Flow, socket_path: str = "/tmp/flow.sock",
                 process_timeout_sec: float = 1, connection_idle_timeout_sec: float = 900,
                 backlog_size: int = 4096):
        self._flow = flow
        self._socket_path = socket_path
        self._process_timeout = process_timeout_sec
        self._idle_timeout = connection_idle_timeout_sec
        self._backlog = backlog_size
        self._closing: Optional[asyncio.Event] = None

    def start(self, ready, timeout: Optional[float] = None):
        """Serves until SIGTERM or SIGINT. `ready`: a connection that is told None, or why not."""
        asyncio.run(self._serve(ready, timeout))

    async def _serve(self, ready, timeout):
        self._closing = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._closing.set)
        try:
            await loop.run_in_executor(None, self._flow.start, timeout)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._socket_path)
            server = await asyncio.start_unix_server(self._client, path=self._socket_path,
                                                     backlog=self._backlog)
        except Exception as error:
            ready.send(error if isinstance(error, TimeoutError) else
                       FlowError(f"the flow's process cannot start: {error}"))
            return
        ready.send(None)
        await self._closing.wait()
        server.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._socket_path)
        await self._flow.stop()

    async def _client(self, reader, writer):
        try:
            while not self._closing.is_set():
                try:
                    tasks = await asyncio.wait_for(self._read(reader), self._idle_timeout)
                except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                    return
                except Exception as error:
                    log.exception("a message cannot be read")
                    await self._write(writer, SocketResponse(error=f"unreadable: {error}"))
                    return
                await self._write(writer, await self._answer(tasks))
        except Exception:
            log.exception("an answer cannot be written")
        finally:
            writer.close()

    async def _answer(self, tasks):
        results = await asyncio.gather(
            *(self._flow.process(task, timeout_sec=self._process_timeout) for task in tasks),
            return_exceptions=True)
        errors = [sendable(result) if isinstance(result, BaseException) else None
                  for result in results]
        return SocketResponse(ok=not any(errors), result=tasks, errors=errors)


def sendable(error):
    """An exception and its traceback as a text, which a pickle would leave out."""
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = FlowError(f"{type(error).__name__}: {error}")
    return error, told
