#!/usr/bin/python3
"""A service: a 1280x960 JPEG to MobileNetV2 to the top 5, on all cores, client included.

leat behind HTTP, against a bare loop of OpenCV and ONNX Runtime in as many processes as there are
cores (no HTTP, no queue), with full and with reduced decode, and against a process pool behind
aiohttp. Everything takes turns; medians over rounds, ratios within a round. Run it by the Python of
build/deps/rivals, which tools/setup.sh bench makes; it starts itself again by that one.
"""

import asyncio
import json
import multiprocessing
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = ROOT / "build/deps/rivals/bin/python"
LEAT = ROOT / "build/release/bin/leat"
ASSETS = pathlib.Path(os.environ.get("LEAT_ASSETS", ROOT / "../shared/assets")).resolve()
MODEL = ASSETS / "models/mobilenetv2-12-int8.onnx"
PHOTO = ASSETS / "images/photo/triton_vulture.jpeg"
CORES = len(os.sched_getaffinity(0))
SECONDS = int(os.environ.get("SECONDS_EACH", "3"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONNECTIONS = (1, 16, 64)

PIPELINE = f"""
leat: 1
name: classify
inputs:
  photo: BYTES
timeout: 10s
steps:
  decode: {{ op: image.decode, inputs: {{ data: photo }} }}
  view:
    op: image.to_tensor
    inputs: {{ image: decode.image }}
    params: {{ fit: cover, crop_pct: 0.875, mean: [123.675, 116.28, 103.53],
              std: [58.395, 57.12, 57.375] }}
  classify:
    model: {MODEL}
    inputs: {{ input: view.tensor }}
    batch: {{ max: 4 }}
  label:
    op: tensor.top_k
    inputs: {{ scores: classify.output }}
    params: {{ k: 5, softmax: true }}
outputs:
  classes: label.indices
  scores: label.values
"""


class Classifier:
    """What a careful Python service does: one session, one thread, no copies that can be helped."""

    def __init__(self):
        import cv2
        import numpy
        import onnxruntime
        cv2.setNumThreads(0)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(MODEL), options,
                                                    providers=["CPUExecutionProvider"])
        self.cv2, self.np = cv2, numpy
        self.mean = numpy.array([123.675, 116.28, 103.53], numpy.float32)
        self.scale = 1 / numpy.array([58.395, 57.12, 57.375], numpy.float32)
        self.tensor = numpy.empty((1, 3, 224, 224), numpy.float32)

    def __call__(self, jpeg, reduced):
        cv2, np = self.cv2, self.np
        flag = cv2.IMREAD_REDUCED_COLOR_2 if reduced else cv2.IMREAD_COLOR
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), flag)
        height, width = picture.shape[:2]
        scale = 256 / min(height, width)
        picture = cv2.resize(picture, (int(width * scale), int(height * scale)))
        top, left = (picture.shape[0] - 224) // 2, (picture.shape[1] - 224) // 2
        picture = picture[top:top + 224, left:left + 224]
        for plane, source in enumerate((2, 1, 0)):  # BGR to RGB
            np.subtract(picture[:, :, source], self.mean[plane], out=self.tensor[0, plane],
                        dtype=np.float32)
            self.tensor[0, plane] *= self.scale[plane]
        scores = self.session.run(None, {"input": self.tensor})[0][0]
        best = np.argpartition(scores, -5)[-5:]
        best = best[np.argsort(-scores[best])]
        odds = np.exp(scores - scores[best[0]])
        return {"classes": best.tolist(), "scores": (odds[best] / odds.sum()).tolist()}


def loop(pipe, jpeg):
    """A process of the bare loop: for each (seconds, reduced) it answers with how many it made, in
    how long, and by how much processor time."""
    classify = Classifier()
    classify(jpeg, False)
    pipe.send("ready")
    while (task := pipe.recv()) is not None:
        seconds, reduced = task
        count, begin, work = 0, time.monotonic(), time.process_time()
        while time.monotonic() - begin < seconds:
            classify(jpeg, reduced)
            count += 1
        pipe.send((count, time.monotonic() - begin, time.process_time() - work))


class BareLoop:
    def __init__(self, jpeg):
        self.pipes = []
        for _ in range(CORES):
            ours, theirs = multiprocessing.Pipe()
            multiprocessing.Process(target=loop, args=(theirs, jpeg), daemon=True).start()
            self.pipes.append(ours)
        for pipe in self.pipes:
            pipe.recv()

    def run(self, reduced):
        for pipe in self.pipes:
            pipe.send((SECONDS, reduced))
        answers = [pipe.recv() for pipe in self.pipes]
        count = sum(answer[0] for answer in answers)
        return {"rate": sum(n / took for n, took, _ in answers),
                "cpu": sum(answer[2] for answer in answers) / count * 1e3}


pool_classifier = None


def pool_start():
    global pool_classifier
    pool_classifier = Classifier()


def pool_classify(jpeg):
    return pool_classifier(jpeg, False)


def pool_server(port):
    """aiohttp before a process pool: how such a service is usually written."""
    from aiohttp import web
    pool = ProcessPoolExecutor(CORES, initializer=pool_start)

    async def classify(request):
        jpeg = await request.read()
        answer = await asyncio.get_running_loop().run_in_executor(pool, pool_classify, jpeg)
        return web.json_response(answer)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/run/classify", classify)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def cpu_of(pid):
    """Processor seconds of a process and its children."""
    total = 0
    tick = os.sysconf("SC_CLK_TCK")
    todo = [pid]
    while todo:
        each = todo.pop()
        try:
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / tick
            for task in pathlib.Path(f"/proc/{each}/task").iterdir():
                todo += (task / "children").read_text().split()
        except FileNotFoundError:
            pass
    return total


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def post(port, jpeg):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/run/classify", jpeg)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def wait_for(port, jpeg):
    for _ in range(300):
        try:
            return post(port, jpeg)
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"service: no answer on port {port}")


def wrk(port, connections, picture, pid):
    before = cpu_of(pid)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "30s", "-s",
         ROOT / "bench/service.lua", f"http://127.0.0.1:{port}/run/classify"],
        env=dict(os.environ, PICTURE=picture), capture_output=True, text=True, check=True).stdout
    line = next(line for line in out.splitlines() if line.startswith("figures "))
    requests, micros, p50, p99, errors = map(int, line.split()[1:])
    if errors:
        raise SystemExit(f"service: {errors} errors at {connections} connections:\n{out}")
    return {"rate": requests / micros * 1e6, "p50": p50 / 1e3, "p99": p99 / 1e3,
            "cpu": (cpu_of(pid) - before) / max(1, requests) * 1e3}


def synthesise():
    """The photo at 1280x960 in about 230 KB, the same at each run."""
    import cv2
    picture = cv2.resize(cv2.imread(str(PHOTO)), (1280, 960), interpolation=cv2.INTER_CUBIC)
    tries = [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
             for quality in range(60, 96, 2)]
    return min(tries, key=lambda jpeg: abs(len(jpeg) - 230_000))


def check(name, answer, want):
    """The same class. How sure the model is differs: OpenCV's bilinear is not antialiased."""
    if answer["classes"][0] != want["classes"][0] or answer["scores"][0] < 0.5:
        raise SystemExit(f"service: {name} answers {answer}, the full decode {want}")


def machine():
    model = next(line.split(": ")[1] for line in open("/proc/cpuinfo") if "model name" in line)
    return f"machine: {model.strip()}, {CORES} cores, load before the run {os.getloadavg()[0]:.2f}"


def median_of(rounds, name, figure):
    return statistics.median(each[name][figure] for each in rounds)


def ratio(rounds, a, b, figure):
    return statistics.median(each[a][figure] / each[b][figure] for each in rounds)


def row(what, figure, unit="", target=""):
    print(f"  {what:<58} {figure:12.4g} {unit:<8} {target}", flush=True)


def report(rounds):
    loops = {"full": "bare loop in processes, full decode",
             "reduced": "bare loop in processes, decode at 1/2"}
    for name, text in loops.items():
        row(text, median_of(rounds, name, "rate"), "photo/s")
        row("  processor time a photo", median_of(rounds, name, "cpu"), "ms")
    best = [max(each[name]["rate"] for name in loops) for each in rounds]
    row("noise: the bare loop's slowest round over its fastest", min(best) / max(best))
    for connections in CONNECTIONS:
        for server in ("pool", "leat"):
            name = f"{server} {connections}"
            row(f"{server}, {connections} connections", median_of(rounds, name, "rate"), "photo/s")
            row("  p50", median_of(rounds, name, "p50"), "ms")
            row("  p99", median_of(rounds, name, "p99"), "ms")
            row("  processor time of the server a photo", median_of(rounds, name, "cpu"), "ms")
        name, many = f"leat {connections}", connections > 1
        row("  leat of the bare loop, full decode", ratio(rounds, name, "full", "rate"), "",
            "at least 1.3" if many else "")
        row("  leat of the bare loop, decode at 1/2", ratio(rounds, name, "reduced", "rate"), "",
            "at least 0.95" if many else "")
        row("  leat's processor time of the bare loop's, decode at 1/2",
            ratio(rounds, name, "reduced", "cpu"))
        row("  leat's p99 of the pool's", ratio(rounds, name, f"pool {connections}", "p99"), "",
            "under 0.6" if connections == 16 else "")


def main():
    if not MODEL.exists() or not PHOTO.exists():
        print(f"service: skipped, there are no assets at {ASSETS}; set LEAT_ASSETS")
        return
    if not PYTHON.exists():
        print(f"service: skipped, there is no {PYTHON}; tools/setup.sh bench makes it")
        return
    if pathlib.Path(sys.prefix).resolve() != PYTHON.parent.parent.resolve():
        os.execv(PYTHON, [PYTHON, *sys.argv])
    if sys.argv[1:2] == ["pool"]:
        pool_server(int(sys.argv[2]))
        return
    print("a service: 1280x960 JPEG to MobileNetV2 to the top 5, client on the same cores")
    print(machine())
    jpeg = synthesise()
    print(f"  the picture has {len(jpeg) // 1000} KB")
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            picture, pipeline = f"{folder}/picture.jpg", f"{folder}/classify.yaml"
            pathlib.Path(picture).write_bytes(jpeg)
            pathlib.Path(pipeline).write_text(PIPELINE)
            ports = {"leat": free_port(), "pool": free_port()}
            servers = [
                subprocess.Popen([LEAT, "serve", pipeline, "--http", str(ports["leat"]),
                                  "--metrics", "-1"], stdout=subprocess.DEVNULL),
                subprocess.Popen([PYTHON, __file__, "pool", str(ports["pool"])])]
            pids = dict(zip(ports, (server.pid for server in servers)))
            want = Classifier()(jpeg, False)
            check("the reduced decode", Classifier()(jpeg, True), want)
            for name, port in ports.items():
                check(name, wait_for(port, jpeg), want)
            bare = BareLoop(jpeg)
            rounds = []
            for _ in range(ROUNDS):
                figures = {}
                for connections in CONNECTIONS:
                    if connections == CONNECTIONS[0]:
                        figures["full"] = bare.run(False)
                    for name, port in ports.items():
                        figures[f"{name} {connections}"] = wrk(port, connections, picture,
                                                               pids[name])
                    if connections == CONNECTIONS[1]:
                        figures["reduced"] = bare.run(True)
                rounds.append(figures)
            report(rounds)
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()


if __name__ == "__main__":
    main()
