"""Aqueduct's side of bench/steps.py, which starts it as `rival.py noop` or `rival.py photo`.

A line of JSON on standard input asks for callers, each with one task at a time, for some seconds;
the answer is a line of JSON on standard output. The callers are coroutines beside the Flow, as the
handlers of Aqueduct's own aiohttp example are, without the HTTP. Times are in milliseconds, and
"making the task" has the copy into shared memory in it.
"""

import asyncio
import json
import logging
import os
import statistics
import sys
import time

import numpy as np
from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep
from aqueduct.logger import log
from aqueduct.shm.numpy import NPArraySharedData

from steps import Decode, Post

CORES = len(os.sched_getaffinity(0))
HOPS = 3
WARM_UP = 0.2  # seconds


class Payload(BaseTask):
    def __init__(self, x=None):
        super().__init__()
        self.x = x
        self.hops = 0
        self.sum = None  # a number: each step is to add what it finds in x


class Noop(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.hops += 1
            if task.sum is not None:
                task.sum += float(np.frombuffer(task.x, np.float32).sum(dtype=float))


class NoopCaller:
    """One of those that call, and its payload. A large one goes through shared memory: in a new
    block for every call, as Aqueduct's documentation has it, or, if `kept`, in one that is filled
    again, which only its sources show."""

    def __init__(self, size, kept=False, **_):
        self.data = np.arange(size // 4, dtype=np.float32) % 251
        self.small = self.data.tobytes() if size < 1000 else None
        self.block = NPArraySharedData.create_from_data(self.data) if kept else None
        self.view = self.block.get_data() if kept else None

    def task(self):
        if self.small:
            return Payload(self.small)
        if self.block:
            self.view[:] = self.data
            task = Payload()
            task.x = self.block
            return task
        task = Payload(self.data)
        task.share_value("x")
        return task

    async def check(self, flow):
        task = self.task()
        task.sum = 0.0
        await flow.process(task)
        if task.sum != HOPS * self.data.sum(dtype=float):
            raise ValueError(f"the steps saw a sum of {task.sum}")

    def right(self, task):
        return task.hops == HOPS


class Photo(BaseTask):
    def __init__(self, photo):
        super().__init__()
        self.photo = photo
        self.tensor = self.scores = self.classes = self.odds = None


class DecodeStep(BaseTaskHandler):
    def on_start(self):
        self.step = Decode()

    def handle(self, *tasks):
        for task in tasks:
            task.tensor = self.step({"photo": [task.photo]})["tensor"][0]
            task.share_value("tensor")
            task.photo = None


class ModelStep(BaseTaskHandler):
    def __init__(self, model):
        self.model = model

    def on_start(self):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.model, options,
                                                    providers=["CPUExecutionProvider"])

    def handle(self, *tasks):
        tensors = np.stack([task.tensor for task in tasks])
        for task, scores in zip(tasks, self.session.run(None, {"input": tensors})[0]):
            task.scores = scores
            task.tensor = None


class PostStep(BaseTaskHandler):
    def on_start(self):
        self.step = Post()

    def handle(self, *tasks):
        for task in tasks:
            answer = self.step({"scores": task.scores[None]})
            task.classes, task.odds = answer["classes"][0], answer["odds"][0]
            task.scores = None


class PhotoCaller:
    def __init__(self, photo, best, **_):
        with open(photo, "rb") as file:
            self.photo = file.read()
        self.best = best

    def task(self):
        return Photo(self.photo)

    async def check(self, flow):
        pass  # every answer is

    def right(self, task):
        return task.classes[0] == self.best


async def measure(flow, caller, callers, seconds, **task):
    each = [caller(**task) for _ in range(callers)]
    await each[0].check(flow)
    took, made = [], []

    async def call(one, end):
        while (start := time.perf_counter()) < end:
            sent = one.task()
            made.append(time.perf_counter() - start)
            await flow.process(sent)
            took.append(time.perf_counter() - start)
            if not one.right(sent):
                raise ValueError(f"a wrong answer: {sent}")

    for duration in (WARM_UP, seconds):
        took.clear()
        made.clear()
        begin = time.perf_counter()
        await asyncio.gather(*(call(one, begin + duration) for one in each))
    rate = len(took) / (time.perf_counter() - begin)
    centiles = statistics.quantiles(took, n=100)
    return {"rate": rate, "p50": centiles[49] * 1e3, "p99": centiles[98] * 1e3,
            "making the task": statistics.median(made) * 1e3}


def steps_of(kind, model):
    """Tuned by hand on 2 cores, everything that is named in turn and interleaved."""
    if kind == "noop":
        # No better, by more than rounds differ: batch_size 4, 16 and 64; nprocs 2; queue_size 100
        # and 200; no garbage collector anywhere; uvloop. Worse: batch_timeout 1 ms and shared
        # memory for 4 bytes (half the rate), pickles of large payloads (a half to a quarter of it).
        return [FlowStep(Noop()) for _ in range(HOPS)]
    # Of the model: batch_size 4, 8 and 16 are alike and a tenth better than 1; batch_timeout 5 ms
    # and a second process are no better. Of decode: one process is worse, three are no better, nor
    # are pickled tensors or a tensor decoded right into shared memory. The photo itself goes as
    # bytes: shared memory is no better. All three steps in one, in 2 processes, come to the same.
    return [FlowStep(DecodeStep(), nprocs=CORES),
            FlowStep(ModelStep(model), nprocs=max(1, CORES // 2), batch_size=8),
            FlowStep(PostStep())]


async def main(kind, model):
    log.setLevel(logging.ERROR)
    flow = Flow(*steps_of(kind, model), metrics_enabled=False)
    flow.start()
    caller = {"noop": NoopCaller, "photo": PhotoCaller}[kind]
    while (line := await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            answer = await measure(flow, caller, **json.loads(line))
        except Exception as error:  # raised to the end it would leave the Flow's thread, and hang
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    await flow.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
