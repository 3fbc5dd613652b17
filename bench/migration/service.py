"""A service's steps, as a user of Aqueduct writes them: a JPEG to MobileNetV2 to the best five
classes. The import is all that changes: AQUEDUCT names the package."""

import importlib
import os

import numpy as np

aqueduct = importlib.import_module(os.environ["AQUEDUCT"])

CORES = len(os.sched_getaffinity(0))
SIDE = 224
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
SCALE = 1 / np.array([58.395, 57.12, 57.375], np.float32)


class Photo(aqueduct.BaseTask):
    def __init__(self, photo):
        super().__init__()
        self.photo = photo
        self.tensor = self.scores = self.classes = self.odds = None


class Decode(aqueduct.BaseTaskHandler):
    """The shorter side to 256 pixels, the middle of that."""

    def on_start(self):
        import cv2
        cv2.setNumThreads(0)
        self.cv2 = cv2

    def handle(self, *tasks):
        for task in tasks:
            task.tensor = self.decode(task.photo)
            task.share_value("tensor")
            task.photo = None

    def decode(self, photo):
        picture = self.cv2.imdecode(np.frombuffer(photo, np.uint8), self.cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("not a picture")
        height, width = picture.shape[:2]
        scale = 256 / min(height, width)
        picture = self.cv2.resize(picture, (int(width * scale), int(height * scale)))
        top, left = (picture.shape[0] - SIDE) // 2, (picture.shape[1] - SIDE) // 2
        picture = picture[top:top + SIDE, left:left + SIDE]
        tensor = np.empty((3, SIDE, SIDE), np.float32)
        for plane, source in enumerate((2, 1, 0)):  # BGR to RGB
            np.subtract(picture[:, :, source], MEAN[plane], out=tensor[plane], dtype=np.float32)
            tensor[plane] *= SCALE[plane]
        return tensor


class Classify(aqueduct.BaseTaskHandler):
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


class Best(aqueduct.BaseTaskHandler):
    def handle(self, *tasks):
        for task in tasks:
            best = np.argpartition(task.scores, -5)[-5:]
            best = best[np.argsort(-task.scores[best])]
            odds = np.exp(task.scores - task.scores[best[0]])
            task.classes, task.odds = best.tolist(), (odds[best] / odds.sum()).tolist()
            task.scores = None


def flow(model):
    """What was best for Aqueduct on two cores: bench/steps/rival.py says what was tried."""
    return aqueduct.Flow(
        aqueduct.FlowStep(Decode(), nprocs=CORES),
        aqueduct.FlowStep(Classify(model), nprocs=max(1, CORES // 2), batch_size=8),
        aqueduct.FlowStep(Best()),
        metrics_enabled=False)
