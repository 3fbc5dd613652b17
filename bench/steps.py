#!/usr/bin/python3
"""Steps in processes of their own, against Aqueduct's: round trips through three that do nothing,
and a photo through decode (OpenCV), MobileNetV2 and post-process.

On both sides the callers are in the process that owns the steps, no HTTP, and the Python steps are
the same code (bench/steps/). Everything takes turns; medians over rounds, ratios within a round. It
starts itself again by the Python of build/deps/rivals, which tools/setup.sh bench makes.
"""

import contextlib
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import typing

from service import ASSETS, LEAT, MODEL, PHOTO, PYTHON, ROOT, BareLoop, Classifier
from service import machine, median_of, ratio, row

STEPS = ROOT / "bench/steps"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = 0.7  # a cell of steps that do nothing
PHOTO_SECONDS, PHOTO_CALLERS = 2, 16
SMALL, MIDDLE, LARGE = 4, 1 << 20, 1280 * 960 * 3  # bytes; the last is the photo's pixels
LOADS = [(SMALL, 1), (SMALL, 16), (SMALL, 64), (MIDDLE, 1), (MIDDLE, 16), (LARGE, 1), (LARGE, 16)]
# A decode takes 7 MB and frees them, and glibc by default may hand them back to the kernel every
# time: 1,800 page faults, up to 4 of 9 ms. With these it keeps them.
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
AS_IT_COMES = {name: value for name, value in os.environ.items() if name not in KEEP}


class Cell(typing.NamedTuple):
    text: str
    sides: dict  # name: a function that measures for a while and gives figures
    targets: dict  # name: at least so many times Aqueduct's rate


def fail(why):
    raise SystemExit(f"steps: {why}")


class Aqueduct:
    """bench/steps/rival.py with one of its flows, for as long as this lives."""

    def __init__(self, flow, environment=AS_IT_COMES):
        # It would warn of fields that are no longer shared, and of its last block at the end.
        self.process = subprocess.Popen([PYTHON, STEPS / "rival.py", flow, MODEL], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(environment, PYTHONWARNINGS="ignore"))

    def run(self, **what):
        print(json.dumps(what), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer or "error" in (figures := json.loads(answer)):
            fail(f"Aqueduct's side: {answer or 'it has ended'}")
        return figures

    def close(self):
        self.process.communicate("\n")  # the end of its input it may not see: BareLoop holds it too


def leat(verb, pipeline, *arguments):
    return subprocess.run([LEAT, verb, STEPS / pipeline, *map(str, arguments)],
                          env=dict(AS_IT_COMES, LEAT_ASSETS=str(ASSETS)), capture_output=True,
                          text=True)


def leat_run(pipeline, given, callers, seconds):
    with tempfile.NamedTemporaryFile() as figures:
        ran = leat("bench", pipeline, "--input", given, "--callers", callers, "--duration",
                   f"{seconds}s", "--warm-up", "200ms", "--json", figures.name)
        answer = json.load(figures) if not ran.returncode else {"errors": ran.stderr}
    if answer["errors"]:
        fail(f"{pipeline}: {answer['errors']}")
    later = [step["run_us"] / 1000 for step in answer["steps"][1:]]
    return {"rate": answer["per_second"], "a hop": sum(later) / len(later), **answer["latency_ms"]}


@functools.cache
def leat_answer(pipeline, given):
    ran = leat("run", pipeline, "--input", given)
    return json.loads(ran.stdout) if not ran.returncode else fail(ran.stderr)


def leat_side(pipeline, given, callers, seconds, right):
    answer = leat_answer(pipeline, given)
    if not right(answer):
        fail(f"{pipeline} answers {str(answer)[:200]}")
    return functools.partial(leat_run, pipeline, given, callers, seconds)


def noop_cell(rival, folder, size, callers):
    what = {"size": size, "callers": callers, "seconds": SECONDS}
    sides = {"Aqueduct": functools.partial(rival.run, **what)}
    if size > SMALL:
        sides["Aqueduct, blocks kept"] = functools.partial(rival.run, kept=True, **what)
    numbers = [i % 251 for i in range(size // 4)]
    file = folder / f"{size}.json"
    file.write_text(json.dumps(numbers))
    load = f"x=@{file}", callers, SECONDS
    sides["leat, Python steps"] = leat_side("noop.yaml", *load, lambda it: it["y"] == numbers)
    targets = {"leat, Python steps": 5}
    if size == SMALL:
        sides["leat, C++ steps"] = leat_side("ops.yaml", *load, lambda it: it["y"] == [1])
        targets |= {"leat, C++ steps": 20} if callers > 1 else {}
    text = f"{size} bytes" if size == SMALL else f"{size / 1e6:.1f} MB in shared memory"
    return Cell(f"3 no-op steps, {text}, callers: {callers}", sides, targets)


def hop_cell():
    """Between steps, with nothing to be copied by the caller."""
    return {size: leat_side("hop.yaml", f"size={size // 4}", 1, SECONDS,
                            lambda it, size=size: len(it["y"]) == size // 4)
            for size in (SMALL, LARGE)}


def photo_cell(rival, keeper, folder):
    jpeg = synthesise()
    file = folder / "photo.jpg"
    file.write_bytes(jpeg)
    best = Classifier()(jpeg, False)["classes"][0]
    what = {"photo": str(file), "best": best, "callers": PHOTO_CALLERS, "seconds": PHOTO_SECONDS}
    sides = {"Aqueduct": functools.partial(rival.run, **what),
             "Aqueduct, malloc keeps its memory": functools.partial(keeper.run, **what),
             "a bare loop in processes, malloc alike": functools.partial(BareLoop(jpeg).run, False)}
    sides["leat"] = leat_side("photo.yaml", f"photo=@{file}", PHOTO_CALLERS, PHOTO_SECONDS,
                              lambda it: it["classes"][0] == best)
    text = f"a photo of {len(jpeg) // 1000} KB, callers: {PHOTO_CALLERS}"
    return Cell(text, sides, {"leat": 1.3})


def synthesise():
    """The photo at 1280x960, the same at each run."""
    import cv2
    picture = cv2.resize(cv2.imread(str(PHOTO)), (1280, 960), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def report(cell, rounds):
    print(f" {cell.text}")
    for name in cell.sides:
        row(name, median_of(rounds, name, "rate"), "/s")
        if name != "Aqueduct":
            target = cell.targets.get(name)
            row("  of Aqueduct's", ratio(rounds, name, "Aqueduct", "rate"), "",
                f"at least {target}" if target else "")
        for figure in ("p50", "p99", "making the task", "a hop"):
            if figure in rounds[0][name]:
                row(f"  {figure}", median_of(rounds, name, figure), "ms")
    rates = [each["Aqueduct"]["rate"] for each in rounds]
    row("  noise: Aqueduct's slowest round over its fastest", min(rates) / max(rates))


def main():
    if not PYTHON.exists():
        print(f"steps: skipped, there is no {PYTHON}; tools/setup.sh bench makes it")
        return
    if not KEEP.items() <= os.environ.items():
        os.execve(PYTHON, [PYTHON, *sys.argv], os.environ | KEEP)
    print("steps in processes of their own, callers in the process that owns them")
    print(machine())
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)

        def start(*what):
            return stack.enter_context(contextlib.closing(Aqueduct(*what)))

        rival = start("noop")
        cells = [noop_cell(rival, folder, *load) for load in LOADS]
        if MODEL.exists() and PHOTO.exists():
            cells.append(photo_cell(start("photo"), start("photo", os.environ), folder))
        else:
            print(f"  a photo: skipped, there are no assets at {ASSETS}; set LEAT_ASSETS")
        hop, rounds, hops = hop_cell(), [], []
        for _ in range(ROUNDS):
            rounds.append([{side: run() for side, run in cell.sides.items()} for cell in cells])
            small, large = hop[SMALL]()["a hop"], hop[LARGE]()["a hop"]
            hops.append(large / small)
    for cell, figures in zip(cells, zip(*rounds)):
        report(cell, figures)
    row(f"a hop of {LARGE / 1e6:.1f} MB over one of {SMALL} bytes, one caller",
        statistics.median(hops), "", "at most 1.2")


if __name__ == "__main__":
    main()
