#!/usr/bin/python3
"""What the Python module adds to a call, against the same call in C++ (bench/module_floor.cc), and how
threads of Python share the cores.

CPU time of the calling thread; both sides take turns, medians over rounds. It starts itself again by
the Python of build/deps/venv, with the extension out of build/release (`make docs` builds it there).
"""

import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "build/deps/venv/bin/python"
TREE = ROOT / "build/release"
if not list(TREE.glob("_leat*.so")):
    print("bench/module.py: skipped: build/release has no extension; `make docs` builds it")
    sys.exit(0)
try:
    import numpy as np
except ImportError:
    os.execv(VENV, [str(VENV), *sys.argv])

sys.path.insert(0, str(ROOT / "python"))
import leat  # noqa: E402

leat.__path__.append(str(TREE))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
CALLS = 50000


def row(what, figure, unit, target=""):
    print(f"  {what:<58} {figure:12.4g} {unit:<8} {target}", flush=True)


def per_call(call):
    """Nanoseconds."""
    for _ in range(CALLS // 10):
        call()
    begin = time.thread_time_ns()
    for _ in range(CALLS):
        call()
    return (time.thread_time_ns() - begin) / CALLS


def floor():
    done = subprocess.run([TREE / "bench/module_floor"], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def overhead():
    x, image = np.array([1, 2, 3, 4], np.float32), np.full((4, 4, 3), 7, np.uint8)
    mean, std = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    toy = leat.Pipeline({"leat": 1, "inputs": {"x": "FP32[?]"}, "outputs": {"y": "s.y"},
                         "steps": {"s": {"op": "tensor.softmax", "inputs": {"x": "x"}}}})
    softmax, flip, to_tensor = leat.tensor.softmax, leat.image.flip, leat.image.to_tensor
    np.testing.assert_allclose(softmax(x), np.exp(x) / np.exp(x).sum(), rtol=1e-5)
    np.testing.assert_array_equal(flip(image), image)
    np.testing.assert_array_equal(toy(x), softmax(x))
    calls = {"softmax": lambda: softmax(x), "flip": lambda: flip(image),
             "to_tensor": lambda: to_tensor(image, width=4, height=4, mean=mean, std=std),
             "pipeline": lambda: toy(x)}
    empty, added, numpy = [], {name: [] for name in calls}, []
    for _ in range(ROUNDS):
        below = floor()
        empty.append(per_call(lambda: None))
        numpy.append(per_call(lambda: np.exp(x)) - empty[-1])
        for name, call in calls.items():
            added[name].append(per_call(call) - empty[-1] - below[name])
    print("What a call from Python costs beyond the same in C++, CPU time")
    for name, nanos in added.items():
        row(f"{name}", statistics.median(nanos) / 1e3, "us", "target: < 2")
    row("for comparison: numpy.exp of the same 4 numbers, in all", statistics.median(numpy) / 1e3, "us")


def threads():
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (60, 80, 3), np.uint8)
    picture = leat.image.resize(small, width=1280, height=960)
    photo = leat.image.encode(picture, format="JPEG")
    work = {
        "decode": lambda: leat.image.decode(photo),
        "to_tensor": lambda: leat.image.to_tensor(picture, width=224, height=224, mean=127.5, std=127.5),
        "resize": lambda: leat.image.resize(picture, width=640, height=480),
        "encode": lambda: leat.image.encode(picture, format="JPEG"),
    }
    cores = len(os.sched_getaffinity(0))
    print(f"Threads of Python, on {cores} cores: times one thread's rate")
    for name, call in work.items():
        times = max(4, int(0.3 / max(1e-6, timed(call, 3) / 3)))
        ratios = {2: [], 4: []}
        for _ in range(ROUNDS):
            one = timed(call, times) / times
            for n in ratios:
                begin = time.perf_counter()
                running = [threading.Thread(target=timed, args=(call, times)) for _ in range(n)]
                for thread in running:
                    thread.start()
                for thread in running:
                    thread.join()
                ratios[n].append(one / ((time.perf_counter() - begin) / (n * times)))
        for n, values in ratios.items():
            target = "target: 3.6 on 4 cores or more" if n == 4 and name in ("decode", "to_tensor") else ""
            row(f"{name}, {n} threads", statistics.median(values), "times", target)


def timed(call, times):
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - begin


overhead()
threads()
