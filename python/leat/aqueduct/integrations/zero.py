"""A client of a flow that another process has, for services to derive from."""

from abc import ABC, abstractmethod

from leat.aqueduct.sockets.flow import SocketFlow


class BaseFlowClient(ABC):
    """`_name`: of the flow, as in SocketFlow. process() makes a task of its arguments and hands it
    to self._flow."""

    _name = ""

    def __init__(self) -> None:
        self._flow = SocketFlow(self._name)

    async def connect(self) -> None:
        await self._flow.start()

    async def disconnect(self) -> None:
        await self._flow.stop()

    @abstractmethod
    async def process(self, *args, **kwargs) -> None: ...
