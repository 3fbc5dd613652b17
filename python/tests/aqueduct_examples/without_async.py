"""A flow in a program that is not asynchronous, as a Flask application: three steps, started when
the module is loaded."""

import asyncio

import numpy as np

from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep


class Task(BaseTask):
    def __init__(self, image):
        super().__init__()
        self.image = image
        self.scores = None
        self.best = None


class Prepare(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            task.image = np.frombuffer(task.image, np.uint8).astype(np.float32) / 255


class Classify(BaseTaskHandler):
    def __init__(self, weights):
        self.weights = weights

    def handle(self, *tasks):
        for task, scores in zip(tasks, np.stack([task.image for task in tasks]) @ self.weights):
            task.scores = scores
            task.image = None


class Best(BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            best = int(task.scores.argmax())
            task.best = best, round(float(task.scores[best]), 3)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
flow = Flow(FlowStep(Prepare()), FlowStep(Classify(np.eye(4, dtype=np.float32)), batch_size=4),
            FlowStep(Best()), metrics_enabled=False)
flow.start()


def view(data):
    task = Task(data)
    loop.run_until_complete(flow.process(task))
    return {"result": task.best}


print(view(bytes([0, 10, 255, 3])))
print(view(bytes([51, 0, 0, 0])))
loop.run_until_complete(flow.stop(graceful=False))
# {'result': (2, 1.0)}
# {'result': (0, 0.2)}
