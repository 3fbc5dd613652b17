"""Messages: a length of 8 bytes, big-endian, and a pickle. Both ends are of one program, as a pickle
may run whatever its writer likes: the socket's folder must be nobody else's to write to."""

import asyncio
import pickle
from dataclasses import dataclass, field
from typing import Any, List, Optional

LENGTH = 8


@dataclass
class SocketResponse:
    """`result`: the tasks as they came back. `errors`: of each task the exception, or None, and the
    traceback where it was raised. `error`: why there is no result at all."""

    ok: bool = False
    result: List[Any] = field(default_factory=list)
    errors: List[Any] = field(default_factory=list)
    error: Optional[str] = None


class SocketProtocol:
    max_payload_bytes = 1 << 30

    async def _read(self, reader: asyncio.StreamReader):
        size = int.from_bytes(await reader.readexactly(LENGTH), "big")
        if size > self.max_payload_bytes:
            raise ValueError(f"a message of {size} bytes; {self.max_payload_bytes} are allowed")
        return pickle.loads(await reader.readexactly(size))

    async def _write(self, writer: asyncio.StreamWriter, value):
        data = pickle.dumps(value, 5)
        if len(data) > self.max_payload_bytes:
            raise ValueError(f"a message of {len(data)} bytes; {self.max_payload_bytes} are allowed")
        writer.write(len(data).to_bytes(LENGTH, "big"))
        writer.write(data)
        await writer.drain()
