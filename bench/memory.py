#!/usr/bin/python3
"""Memory and start: what `leat serve` keeps resident, and how soon it is ready.

A pipeline without a model, from exec to the first 200 of the readiness endpoint. Then a classifier
on real photos: resident size when ready, under load, its course over --minutes, and four instances
of the model against one, the two in turn. What runs themselves need shows most when every one is a
full batch: so once more with tensors, from many connections.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import typing
import urllib.error
import urllib.request

from service import ASSETS, LEAT, MODEL, PHOTO, PIPELINE, ROOT, free_port, machine, row

VULTURE = 23  # of ImageNet
STARTS = 20
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = int(os.environ.get("SECONDS_EACH", "3"))
THREADS = 4  # as many as instances, however many cores there are
FLAT = 0.05  # growth over the second half of the course, of the mean

NO_MODEL = """
leat: 1
name: preview
inputs: { photo: BYTES }
steps:
  decode: { op: image.decode, inputs: { data: photo } }
  preview: { op: image.encode, inputs: { image: decode.image }, params: { max_side: 320 } }
outputs: { preview: preview.data }
"""

BATCH = "batch: { max: 4 }"  # as PIPELINE says it
TENSORS = f"""
leat: 1
name: classify
inputs: {{ x: "FP32[3,224,224]" }}
timeout: 10s
steps:
  classify:
    model: {MODEL}
    inputs: {{ input: x }}
    {BATCH}
outputs: {{ y: classify.output }}
"""


def fail(why):
    raise SystemExit(f"memory: {why}")


class Load(typing.NamedTuple):
    """What to post, where, and over how many connections."""
    path: str
    connections: int
    files: list
    header: tuple = ("Content-Type", "image/jpeg")


class Server:
    """`leat serve` on a pipeline file; `took` is the seconds from exec to ready."""

    def __init__(self, pipeline):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [LEAT, "serve", pipeline, "--http", str(port), "--metrics", "-1", "--threads",
             str(THREADS)], stdout=subprocess.DEVNULL)
        while not self.ready():
            if self.process.poll() is not None:
                fail(f"leat serve ended with {self.process.returncode}")
            time.sleep(0.0005)
        self.took = time.monotonic() - begin

    def ready(self):
        try:
            urllib.request.urlopen(self.url + "/v2/health/ready", timeout=60).close()
            return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def answers(self, load):
        requests = (urllib.request.Request(self.url + load.path, file.read_bytes(),
                                           dict([load.header])) for file in load.files)
        return [urllib.request.urlopen(request, timeout=60).read() for request in requests]

    def resident(self):
        """Rss and Pss in MB."""
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1000
                 for line in rollup.splitlines() if line.endswith(" kB")}
        return sizes["Rss"], sizes["Pss"]

    def under(self, load, seconds):
        """Runs wrk and gives (seconds, Rss, Pss) as they go, and the requests a second."""
        wrk = subprocess.Popen(
            ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "60s", "-s",
             ROOT / "bench/service.lua", self.url + load.path],
            env=dict(os.environ, PICTURE=":".join(map(str, load.files)), HEADER=load.header[0],
                     VALUE=load.header[1]), stdout=subprocess.PIPE, text=True)
        begin, course = time.monotonic(), []
        while time.monotonic() - begin < seconds - 0.5:
            time.sleep(min(1, seconds / 40))
            course.append((time.monotonic() - begin, *self.resident()))
        out = wrk.communicate()[0]
        figures = [line.split() for line in out.splitlines() if line.startswith("figures ")]
        if wrk.returncode or not figures or int(figures[0][5]):
            fail(f"requests failed under load:\n{out}")
        return course, int(figures[0][1]) / int(figures[0][2]) * 1e6


@contextlib.contextmanager
def serving(folder, text):
    file = folder / "pipeline.yaml"
    file.write_text(text)
    server = Server(file)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def report_start(folder):
    took, bare = [], []
    for _ in range(STARTS):
        with serving(folder, NO_MODEL) as server:
            took.append(server.took * 1e3)
        begin = time.monotonic()
        subprocess.run([LEAT, "--version"], stdout=subprocess.DEVNULL, check=True)
        bare.append((time.monotonic() - begin) * 1e3)
    row(f"exec to ready without a model, median of {STARTS}", statistics.median(took), "ms")
    row("  of it `leat --version`: exec, loading and linking", statistics.median(bare), "ms")


def tensors(folder):
    """Nothing to do but the model, so that every free instance finds a full batch."""
    count = 3 * 224 * 224
    head = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [3, 224, 224],
                                   "parameters": {"binary_data_size": 4 * count}}],
                       "parameters": {"binary_data_output": True}}).encode()
    body = folder / "tensor"
    body.write_bytes(head + b"\0\0\x80\x3f" * count)
    return Load("/v2/models/classify/infer", 64, [body],
                ("Inference-Header-Content-Length", str(len(head))))


def report_course(folder, load, minutes):
    with serving(folder, PIPELINE) as server:
        time.sleep(1)
        idle = server.resident()
        course, rate = server.under(load, max(8, int(minutes * 60)))
    row("idle: Rss", idle[0], "MB")
    row("  Pss", idle[1], "MB")
    half = course[len(course) // 2:]
    sizes = [rss for _, rss, _ in half]
    mean = statistics.mean(sizes)
    row(f"under load, {load.connections} connections: Rss", mean, "MB")
    row("  Pss", statistics.mean(pss for _, _, pss in half), "MB")
    row("  photos a second", rate)
    print("  Rss in MB after each tenth of the time:",
          *(f"{course[len(course) * tenth // 10 - 1][1]:.1f}" for tenth in range(1, 11)))
    slope = statistics.linear_regression([at for at, _, _ in half], sizes).slope
    growth = slope * (half[-1][0] - half[0][0]) / mean
    row("second half: slope", slope * 60, "MB/min")
    row("  largest less smallest", max(sizes) - min(sizes), "MB")
    row("  growth, of the mean", growth, "",
        f"under {FLAT}: it " + ("is flat" if growth < FLAT else "GROWS"))


def report_instances(folder, pipeline, load, target):
    """Rss of four instances over that of one, idle and under the same load, in turn."""
    idle, busy, said = {1: [], 4: []}, {1: [], 4: []}, {}
    for _ in range(ROUNDS):
        for instances in (1, 4):
            text = pipeline.replace("\n    batch:", f"\n    instances: {instances}\n    batch:")
            with serving(folder, text) as server:
                idle[instances].append(server.resident()[0])
                said[instances] = server.answers(load)
                course, _ = server.under(load, SECONDS)
                busy[instances].append(max(rss for _, rss, _ in course[len(course) // 2:]))
        if said[1] != said[4]:
            fail("4 instances do not answer as 1 does")
    for what, sizes in (("ready", idle), ("under load, at most", busy)):
        for instances in (1, 4):
            row(f"    {instances} instance{'s' * (instances > 1)}, {what}",
                statistics.median(sizes[instances]), "MB")
        row("    4 of 1", statistics.median(b / a for a, b in zip(sizes[1], sizes[4])), "", target)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--minutes", type=float, default=1, help="length of the course [1]")
    minutes = options.parse_args().minutes
    if not MODEL.exists() or not PHOTO.exists():
        print(f"memory: skipped, there are no assets at {ASSETS}; set LEAT_ASSETS")
        return
    print("memory and start: leat serve, resident size from smaps_rollup")
    print(machine())
    photos = Load("/run/classify", 16, sorted(PHOTO.parent.glob("*.jp*g")))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with serving(folder, PIPELINE) as server:
            said = server.answers(photos._replace(files=[PHOTO]))[0]
            if json.loads(said)["classes"][0] != VULTURE:
                fail(f"{PHOTO.name} shows a vulture, class {VULTURE}; the answer is {said}")
        report_start(folder)
        report_course(folder, photos, minutes)
        for batch in (BATCH, "batch: { max: 1 }"):
            print(f"  photos, {photos.connections} connections, {batch}")
            report_instances(folder, PIPELINE.replace(BATCH, batch), photos, "under 1.3")
        load = tensors(folder)
        print(f"  tensors, {load.connections} connections: the model alone, every batch full")
        report_instances(folder, TENSORS, load, "")


if __name__ == "__main__":
    main()
