"""The examples ocr and people as a straightforward Python service: OpenCV, ONNX Runtime and numpy,
batches where they are easy (the lines of a page). bench/vision.py runs it.

`vision_rival.py PORT threads`: aiohttp before a pool of threads, sessions as ONNX Runtime makes them.
`vision_rival.py PORT processes`: aiohttp before a process for each core, one thread a session.
"""

import asyncio
import concurrent.futures
import os
import pathlib
import sys

import cv2
import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = ROOT / "build/deps/demo"
MODELS = pathlib.Path(os.environ.get("LEAT_ASSETS", ROOT / "../shared/assets")) / "models"
CORES = len(os.sched_getaffinity(0))


def session(path, threads):
    options = onnxruntime.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def planes(picture, mean=127.5, std=127.5):
    return ((picture.astype(np.float32) - mean) / std).transpose(2, 0, 1)


class Ocr:
    """What PaddleOCR does, at the sizes and thresholds of examples/ocr."""

    def __init__(self, threads):
        self.finder = session(DEMO / "text_finder.onnx", threads)
        self.orientation = session(DEMO / "orientation.onnx", threads)
        self.reader = session(DEMO / "text_reader.onnx", threads)
        self.characters = ["", *(DEMO / "characters.txt").read_text().split("\n")[:-1], " "]

    def __call__(self, data):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        lines = [self.cut(picture, quad) for quad in self.find(picture)]
        lines = self.upright(lines)
        return {"text": self.read(lines)}

    def find(self, picture):
        height, width = picture.shape[:2]
        scale = min(max(1, 480 / min(height, width)), 1280 / max(height, width))
        to = [max(1, round(side * scale / 32)) * 32 for side in (width, height)]
        found = self.finder.run(None, {"x": planes(cv2.resize(picture, to))[None]})[0][0, 0]
        contours, _ = cv2.findContours((found > 0.3).astype(np.uint8), cv2.RETR_LIST,
                                       cv2.CHAIN_APPROX_SIMPLE)
        quads = []
        for contour in contours:
            centre, size, angle = cv2.minAreaRect(contour)
            if min(size) < 3:
                continue
            box = cv2.boxPoints((centre, size, angle))
            x, y, w, h = cv2.boundingRect(box)
            x, y = max(x, 0), max(y, 0)
            mask = np.zeros((h, w), np.uint8)
            cv2.fillPoly(mask, [(box - (x, y)).astype(np.int32)], 1)
            part = found[y:y + h, x:x + w]
            if cv2.mean(part, mask[:part.shape[0], :part.shape[1]])[0] < 0.4:
                continue
            grow = 2 * size[0] * size[1] * 1.6 / (2 * (size[0] + size[1]))
            box = cv2.boxPoints((centre, (size[0] + grow, size[1] + grow), angle))
            box = box * (width / to[0], height / to[1])
            left, right = np.split(box[np.argsort(box[:, 0])], 2)
            left, right = (side[np.argsort(side[:, 1])] for side in (left, right))
            quads.append(np.float32([left[0], right[0], right[1], left[1]]))
        return sorted(quads, key=lambda quad: (quad[:, 1].mean() // 20, quad[0, 0]))

    def cut(self, picture, quad):
        width = round(max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3])))
        height = round(max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2])))
        target = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
        warp = cv2.getPerspectiveTransform(quad, target)
        line = cv2.warpPerspective(picture, warp, (width, height), borderMode=cv2.BORDER_REPLICATE,
                                   flags=cv2.INTER_CUBIC)
        return np.rot90(line) if height >= 1.5 * width else line

    def batch(self, lines, most, least):
        """Lines of one height, as wide as the widest."""
        scaled = [cv2.resize(line, (min(most, max(1, round(line.shape[1] * 48 / line.shape[0]))), 48))
                  for line in lines]
        out = np.zeros((len(lines), 3, 48, max(least, *(line.shape[1] for line in scaled))), np.float32)
        for row, line in zip(out, scaled):
            row[:, :, :line.shape[1]] = planes(line)
        return out

    def upright(self, lines):
        for first in range(0, len(lines), 8):
            odds = self.orientation.run(None, {"x": self.batch(lines[first:first + 8], 192, 192)})[0]
            for i, (_, down) in enumerate(odds, first):
                if down > 0.9:
                    lines[i] = cv2.rotate(lines[i], cv2.ROTATE_180)
        return lines

    def read(self, lines):
        text = [""] * len(lines)
        order = np.argsort([line.shape[1] / line.shape[0] for line in lines])  # alike in a batch
        for first in range(0, len(lines), 8):
            some = order[first:first + 8]
            odds = self.reader.run(None, {"x": self.batch([lines[i] for i in some], 1 << 14, 1)})[0]
            for i, best in zip(some, odds.argmax(2)):
                keep = best[np.concatenate(([True], best[1:] != best[:-1]))]
                text[i] = "".join(self.characters[k] for k in keep)
        return text


class People:
    """examples/people."""

    def __init__(self, threads):
        self.finder = session(MODELS / "yolox_nano_416.onnx", threads)
        self.embedder = session(MODELS / "person_reid_retail_0248.onnx", threads)
        grids = [(stride, *np.meshgrid(np.arange(416 // stride), np.arange(416 // stride)))
                 for stride in (8, 16, 32)]
        self.cells = np.concatenate([np.stack((x, y), 2).reshape(-1, 2) for _, x, y in grids])
        self.strides = np.concatenate([np.full(x.size, stride) for stride, x, _ in grids])[:, None]

    def __call__(self, data):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        height, width = picture.shape[:2]
        scale = min(416 / width, 416 / height)
        small = cv2.resize(picture, (int(width * scale), int(height * scale)))
        tensor = np.full((416, 416, 3), 114, np.float32)
        tensor[:small.shape[0], :small.shape[1]] = small
        found = self.finder.run(None, {"images": tensor.transpose(2, 0, 1)[None]})[0][0]
        scores = found[:, 4] * found[:, 5:].max(1)
        keep = scores > 0.35
        found, scores, strides = found[keep], scores[keep], self.strides[keep]
        classes = found[:, 5:].argmax(1)
        middle = (found[:, :2] + self.cells[keep]) * strides
        size = np.exp(found[:, 2:4]) * strides
        boxes = np.concatenate((middle - size / 2, size), 1) / scale
        best = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, 0.35, 0.45)
        embeddings = []
        for i in best:
            if classes[i] == 0:
                x, y, w, h = boxes[i]
                crop = picture[max(0, int(y)):int(y + h), max(0, int(x)):int(x + w)]
                crop = cv2.resize(crop, (128, 256)).astype(np.float32)
                embeddings.append(self.embedder.run(None, {"inputs:0": crop[None]})[0][0].tolist())
        return {"embeddings": embeddings, "boxes": boxes[best].tolist()}


made = {}


def start(threads):
    cv2.setNumThreads(1 if threads else 0)
    for name, kind, needed in (("ocr", Ocr, DEMO / "text_finder.onnx"), ("people", People, MODELS)):
        if needed.exists():
            made[name] = kind(threads)


def answer(kind, data):
    return made[kind](data)


def main(port, way):
    from aiohttp import web
    if way == "processes":
        pool = concurrent.futures.ProcessPoolExecutor(CORES, initializer=start, initargs=(1,))
    else:
        start(0)
        pool = concurrent.futures.ThreadPoolExecutor(CORES)

    async def run(request):
        data = await request.read()
        loop = asyncio.get_running_loop()
        return web.json_response(
            await loop.run_in_executor(pool, answer, request.match_info["kind"], data))

    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/run/{kind}", run)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
