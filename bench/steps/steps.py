"""The Python steps of bench/steps.py: leat runs them by noop.yaml and photo.yaml, and Aqueduct's
handlers in rival.py call the same ones."""

import numpy as np

try:
    from leat_step import empty  # in memory that the next step can read where it is
except ImportError:  # not within leat
    from numpy import empty

SIDE = 224
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
SCALE = 1 / np.array([58.395, 57.12, 57.375], np.float32)


class Noop:
    inputs = {"x": "FP32[?]"}
    outputs = {"y": "FP32[?]"}

    def __call__(self, batch):
        return {"y": batch["x"]}


class Made:
    """As many numbers as were asked for, whichever."""

    inputs = {"size": "INT64"}
    outputs = {"y": "FP32[?]"}

    def __call__(self, batch):
        return {"y": [empty((size,), np.float32) for size in batch["size"]]}


class Decode:
    """A JPEG to what MobileNetV2 takes: the shorter side to 256 pixels, the middle of that."""

    inputs = {"photo": "BYTES"}
    outputs = {"tensor": f"FP32[3,{SIDE},{SIDE}]"}

    def __init__(self):
        import cv2  # only here: a Noop need not wait for it
        cv2.setNumThreads(0)
        self.cv2 = cv2

    def __call__(self, batch):
        photos = batch["photo"]
        tensors = empty((len(photos), 3, SIDE, SIDE), np.float32)
        for photo, tensor in zip(photos, tensors):
            self.decode(photo, tensor)
        return {"tensor": tensors}

    def decode(self, photo, tensor):
        picture = self.cv2.imdecode(np.frombuffer(photo, np.uint8), self.cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("not a picture")
        height, width = picture.shape[:2]
        scale = 256 / min(height, width)
        picture = self.cv2.resize(picture, (int(width * scale), int(height * scale)))
        top, left = (picture.shape[0] - SIDE) // 2, (picture.shape[1] - SIDE) // 2
        picture = picture[top:top + SIDE, left:left + SIDE]
        for plane, source in enumerate((2, 1, 0)):  # BGR to RGB
            np.subtract(picture[:, :, source], MEAN[plane], out=tensor[plane], dtype=np.float32)
            tensor[plane] *= SCALE[plane]


class Post:
    """The best five of the model's scores, and how probable they are."""

    inputs = {"scores": "FP32[1000]"}
    outputs = {"classes": "INT64[5]", "odds": "FP32[5]"}

    def __call__(self, batch):
        scores = np.asarray(batch["scores"])
        best = np.argpartition(scores, -5, axis=1)[:, -5:]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        best = np.take_along_axis(best, order, 1)
        odds = np.exp(scores - np.take_along_axis(scores, best[:, :1], 1))
        odds /= odds.sum(axis=1, keepdims=True)
        return {"classes": best, "odds": np.take_along_axis(odds, best, 1)}
