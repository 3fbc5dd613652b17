"""What mypy --strict must take."""

import pathlib
from typing import List

import numpy as np
import numpy.typing as npt

import leat


def embed(photo: bytes) -> npt.NDArray[np.float32]:
    image: npt.NDArray[np.uint8] = leat.image.decode(photo).image
    view = leat.image.to_tensor(image, width=224, height=224, mean=[1.0, 2.0, 3.0], std=127.5, fit="cover")
    scores: npt.NDArray[np.float32] = view.tensor.reshape(-1)
    return scores


def boxes(found: npt.NDArray[np.float32], scores: List[float]) -> npt.NDArray[np.int64]:
    return leat.detect.nms(found, scores, iou=0.5).index


def small(image: npt.NDArray[np.uint8]) -> bytes:
    return leat.image.encode(leat.image.flip(image), format="PNG")


@leat.step(inputs={"image": "IMAGE"}, outputs={"brightness": "FP32"})
def brightness(image: npt.NDArray[np.uint8]) -> float:
    return float(image.mean())


def built() -> leat.Pipeline:
    p = leat.Pipeline(name="built", engine=leat.Engine(threads=2))
    image = p.image.decode(p.input("photo"))
    p.output(bright=p.python(brightness, image=image).brightness)
    return p


async def calls(path: pathlib.Path, photo: bytes) -> None:
    pipeline = leat.Pipeline(path)
    answer = pipeline(photo=photo, timeout=0.5)
    future = pipeline.submit(photo)
    try:
        print(answer, future.result(), await pipeline.infer(photo))
    except leat.Deadline as error:
        print(error.code)
    for one in pipeline.map([photo], in_flight=2, ordered=False):
        print(one)
    with leat.serve(pipeline, http=0) as server, leat.Client(server.url, timeout=3) as client:
        print(client.run("built", photo=photo)["bright"])


def epoch(paths: List[pathlib.Path]) -> int:
    seen = 0
    for batch in leat.Loader("train.yaml", [(path, 1) for path in paths], batch=8, shuffle=True, state=None):
        seen += len(batch) + batch.tensor.shape[0] + int(batch.index[0])
    return seen
