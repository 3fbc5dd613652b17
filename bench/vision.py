#!/usr/bin/python3
"""The examples ocr and people over HTTP, against straightforward Python services (vision_rival.py) on
the same cores, client included. Everything takes turns; medians over rounds, ratios within a round.
Run it by the Python of build/deps/rivals, which tools/setup.sh bench makes; it starts itself again
by that one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from service import ASSETS, LEAT, PYTHON, ROOT, cpu_of, free_port, machine, median_of, ratio, row

SECONDS = int(os.environ.get("SECONDS_EACH", "6"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
LOADS = (1, 8)
SIDES = {"leat": "leat", "threads": "Python, a pool of threads", "processes": "Python, a process a core"}


def post(port, name, picture):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/run/{name}", picture.read_bytes())
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def wait_for(*call):
    for _ in range(300):
        try:
            return post(*call)
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"vision: no answer to {call}")


def wrk(port, name, connections, picture, pid):
    before = cpu_of(pid)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "60s", "-s",
         ROOT / "bench/service.lua", f"http://127.0.0.1:{port}/run/{name}"],
        env=dict(os.environ, PICTURE=str(picture)), capture_output=True, text=True, check=True).stdout
    line = next(line for line in out.splitlines() if line.startswith("figures "))
    requests, micros, p50, p99, errors = map(int, line.split()[1:])
    if errors:
        raise SystemExit(f"vision: {errors} errors at {connections} connections:\n{out}")
    return {"rate": requests / micros * 1e6, "p50": p50 / 1e3, "p99": p99 / 1e3,
            "cpu": (cpu_of(pid) - before) / max(1, requests) * 1e3}


def alike(name, ours, theirs):
    if name == "ocr":
        return [line.replace(" ", "") for line in ours["text"]] == [
            line.replace(" ", "") for line in theirs["text"]]
    return len(ours["embeddings"]) == len(theirs["embeddings"]) > 0


def main():
    if not PYTHON.exists():
        print(f"vision: skipped, there is no {PYTHON}; tools/setup.sh bench makes it")
        return
    if pathlib.Path(sys.prefix).resolve() != PYTHON.parent.parent.resolve():
        os.execv(PYTHON, [PYTHON, *sys.argv])
    print("ocr and people over HTTP, client on the same cores")
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        work = {}
        if (ROOT / "build/deps/demo/text_finder.onnx").exists():
            # The pictures are drawn by the environment that has Pillow.
            subprocess.run([PYTHON, ROOT / "examples/ocr/draw.py", folder], check=True)
            work["ocr"] = pathlib.Path(folder) / "page.jpg"
        else:
            print("  ocr: left out, there are no models in build/deps/demo; tools/setup.sh demo brings them")
        if ASSETS.exists():
            work["people"] = ASSETS / "images/photo/ovms_people3.jpeg"
        else:
            print(f"  people: left out, there are no assets at {ASSETS}; set LEAT_ASSETS")
        if not work:
            return
        environment = dict(os.environ, LEAT_MODELS=str(ASSETS / "models"), LEAT_ASSETS=str(ASSETS))
        ports = {side: free_port() for side in SIDES}
        examples = [ROOT / f"examples/{name}/pipeline.yaml" for name in work]
        servers = {
            side: subprocess.Popen(
                [LEAT, "serve", *examples, "--http", str(port), "--metrics", "-1"] if side == "leat"
                else [PYTHON, ROOT / "bench/vision_rival.py", str(port), side],
                stdout=subprocess.DEVNULL, env=environment)
            for side, port in ports.items()}
        try:
            for name, picture in work.items():
                wanted = wait_for(ports["threads"], name, picture)
                for side, port in ports.items():
                    if not alike(name, given := wait_for(port, name, picture), wanted):
                        raise SystemExit(f"vision: {name}: {side} answers {given}, and threads {wanted}")
            for name, picture in work.items():
                rounds = [{f"{side} {load}": wrk(ports[side], name, load, picture, servers[side].pid)
                           for load in LOADS for side in SIDES} for _ in range(ROUNDS)]
                for load in LOADS:
                    print(f" {name}, {load} connections")
                    for side, text in SIDES.items():
                        row(text, median_of(rounds, f"{side} {load}", "rate"), "/s")
                        for figure in ("p50", "p99"):
                            row(f"  {figure}", median_of(rounds, f"{side} {load}", figure), "ms")
                        row("  processor time of the server", median_of(rounds, f"{side} {load}", "cpu"), "ms")
                    for side in list(SIDES)[1:]:
                        row(f"leat of {SIDES[side]}", ratio(rounds, f"leat {load}", f"{side} {load}", "rate"),
                            "", "at least 2" if side == "threads" and load > 1 else "")
        finally:
            for server in servers.values():
                server.terminate()
            for server in servers.values():
                server.wait()


if __name__ == "__main__":
    main()
