#!/usr/bin/python3
"""A service from Aqueduct to leat, step by step: a photo through decode (OpenCV), MobileNetV2 (ONNX
Runtime) and post-process.

The same user code (bench/migration/service.py) under Aqueduct and under leat.aqueduct; then as a
pipeline whose decode and post-process are still Python (bench/steps/photo.yaml), and as one without
Python (bench/migration/cpp.yaml). Everything takes turns; medians over rounds, ratios within a
round. Needs `tools/setup.sh bench`, and the Python module in build/release (`make docs`).
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from service import ASSETS, MODEL, PHOTO, PYTHON, ROOT, Classifier
from service import machine, median_of, ratio, row
from steps import KEEP, synthesise

HERE = ROOT / "bench/migration"
ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = 2
CALLERS = (1, 16)
AQUEDUCT, KEPT = "Aqueduct", "Aqueduct, malloc keeps its memory"
IMPORT, PYTHON_STEPS, CPP = "leat.aqueduct", "leat, Python decode", "leat, C++ decode"
SIDES = {AQUEDUCT: "aqueduct", KEPT: "aqueduct", IMPORT: "leat.aqueduct",
         PYTHON_STEPS: ROOT / "bench/steps/photo.yaml", CPP: HERE / "cpp.yaml"}
TARGETS = {IMPORT: 1.2, CPP: 2.0}  # at 16 callers, of Aqueduct's rate


class Side:
    """bench/migration/caller.py, for as long as this lives."""

    def __init__(self, name):
        folders = [str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, folders)),
                           PYTHONWARNINGS="ignore", LEAT_ASSETS=str(ASSETS))
        for variable in KEEP:
            environment.pop(variable, None)
        if name == KEPT:
            environment.update(KEEP)
        self.name = name
        self.process = subprocess.Popen([PYTHON, HERE / "caller.py", SIDES[name], MODEL], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment)

    def run(self, **what):
        print(json.dumps(what), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer or "error" in (figures := json.loads(answer)):
            raise SystemExit(f"aqueduct: {self.name}: {answer or 'it has ended'}")
        return figures

    def close(self):
        self.process.communicate("\n")


def report(callers, rounds):
    print(f" callers: {callers}")
    for name in SIDES:
        row(name, median_of(rounds, name, "rate"), "/s")
        if name != AQUEDUCT:
            target = f"at least {TARGETS[name]}" if callers > 1 and name in TARGETS else ""
            row("  of Aqueduct's", ratio(rounds, name, AQUEDUCT, "rate"), "", target)
            row("  p99, of Aqueduct's", ratio(rounds, name, AQUEDUCT, "p99"), "",
                "below 1" if callers > 1 and name in TARGETS else "")
        for figure in ("p50", "p99", "cpu"):
            row(f"  {figure}", median_of(rounds, name, figure), "ms")
    rates = [each[AQUEDUCT]["rate"] for each in rounds]
    row("  noise: Aqueduct's slowest round over its fastest", min(rates) / max(rates))


def main():
    if not PYTHON.exists():
        print(f"aqueduct: skipped, there is no {PYTHON}; tools/setup.sh bench makes it")
        return
    if not list((ROOT / "build/release").glob("_leat*.so")):
        print("aqueduct: skipped: build/release has no Python module; `make docs` builds it there")
        return
    if not (MODEL.exists() and PHOTO.exists()):
        print(f"aqueduct: skipped, there are no assets at {ASSETS}; set LEAT_ASSETS")
        return
    if pathlib.Path(sys.prefix).resolve() != PYTHON.parent.parent.resolve():
        os.execv(PYTHON, [PYTHON, *sys.argv])
    print("one service, from Aqueduct to leat; callers in the process that owns the steps")
    print(machine())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        jpeg = synthesise()
        photo = pathlib.Path(folder, "photo.jpg")
        photo.write_bytes(jpeg)
        best = int(Classifier()(jpeg, False)["classes"][0])
        sides = [stack.enter_context(contextlib.closing(Side(name))) for name in SIDES]
        rounds = {callers: [] for callers in CALLERS}
        for number in range(ROUNDS):
            for callers in CALLERS:
                order = sides[number % len(sides):] + sides[:number % len(sides)]
                rounds[callers].append(
                    {side.name: side.run(photo=str(photo), callers=callers, seconds=SECONDS,
                                         best=best) for side in order})
    for callers in CALLERS:
        report(callers, rounds[callers])


if __name__ == "__main__":
    main()
