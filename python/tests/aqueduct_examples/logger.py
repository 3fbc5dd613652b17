"""The logger, set up and replaced."""

import asyncio
import logging
import tempfile
from logging.handlers import RotatingFileHandler

from aqueduct import BaseTask, BaseTaskHandler, Flow
from aqueduct.logger import log, replace_logger


class Nothing(BaseTaskHandler):
    def handle(self, *tasks):
        pass


async def main():
    flow = Flow(Nothing(), metrics_enabled=False)
    flow.start()
    await flow.process(BaseTask())
    await flow.stop(graceful=False)


with tempfile.NamedTemporaryFile("r") as file:
    log.setLevel(logging.INFO)
    log.addHandler(RotatingFileHandler(file.name, maxBytes=100_000, backupCount=1))
    asyncio.run(main())
    print("Flow is starting" in file.read())

with tempfile.NamedTemporaryFile("r") as file:
    mine = logging.getLogger(__name__)
    mine.setLevel(logging.INFO)
    mine.addHandler(logging.FileHandler(file.name))
    replace_logger(mine)
    asyncio.run(main())
    print("Flow was started" in file.read())
# True
# True
