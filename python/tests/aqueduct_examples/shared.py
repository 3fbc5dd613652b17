"""A picture that comes in blocks into shared memory, and what a step makes of it, shared by the
step."""

import asyncio

import numpy as np

from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep


class Task(BaseTask):
    def __init__(self, image=None):
        super().__init__()
        self.image = image
        self.processed = None
        self.mean = None


class Invert(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.processed = 255 - np.frombuffer(task.image, np.uint8)
            task.share_value("processed")


class Mean(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.mean = float(task.processed.mean())


class Body:
    """As aiohttp's request.content."""

    def __init__(self, blocks):
        self.blocks = iter(blocks)

    async def readany(self):
        return next(self.blocks, b"")


async def main():
    flow = Flow(FlowStep(Invert()), FlowStep(Mean()), metrics_enabled=False)
    flow.start()
    task = Task()
    await task.share_value_with_data(field_name="image", content=Body([b"\0" * 300_000] * 2),
                                     size=600_000)
    await flow.process(task)
    print(task.mean, task.processed.shape)
    task = Task(np.full((480, 640), 55, np.uint8))
    task.share_value("image")
    await flow.process(task)
    print(task.mean)
    await flow.stop(graceful=False)


asyncio.run(main())
# 255.0 (600000,)
# 200.0
