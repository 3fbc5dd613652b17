"""What is urgent overtakes what waits."""

import asyncio
import time

from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep


class Task(BaseTask):
    result = None


class Work(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            time.sleep(0.2)
            task.result = 42


async def main():
    flow = Flow(FlowStep(Work()), metrics_enabled=False, queue_priorities=2)
    flow.start()
    ended = []

    async def process(name, priority):
        task = Task()
        task.set_priority(priority)
        await flow.process(task, timeout_sec=60)
        ended.append(name)

    calls = [asyncio.create_task(process("first", 0))]
    await asyncio.sleep(0.1)
    calls.append(asyncio.create_task(process("normal", 0)))
    calls.append(asyncio.create_task(process("important", 1)))
    await asyncio.gather(*calls)
    print(ended)
    await flow.stop(graceful=False)


asyncio.run(main())
# ['first', 'important', 'normal']
