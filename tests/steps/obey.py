"""Steps that do what they are told, for tests/processes_test.py."""

import ctypes
import os
import signal
import socket
import subprocess
import time

import numpy as np

import leat_step


class Obey:
    inputs = {"what": "BYTES", "x": "FP32[2]"}
    outputs = {"y": "FP32[2]"}

    def __call__(self, batch):
        return {"y": [self.obey(what.decode(), x) for what, x in zip(batch["what"], batch["x"])]}

    def obey(self, what, x):
        if what == "raise":
            raise ValueError("no face in the picture")
        if what == "give an error":
            return ValueError("no face in this one")
        if what == "bad input":
            return leat_step.BadInput("x must be positive")
        if what == "exit":
            os._exit(3)
        if what == "segfault":
            ctypes.string_at(0)
        if what == "loop":
            while True:
                pass
        if what == "sleep":
            time.sleep(3600)
        if what == "eat":
            eaten = []
            while True:
                eaten.append(np.ones(1 << 22))
        if what == "print":
            for _ in range(1 << 13):
                print("x" * (1 << 10))
        if what == "close":
            os.closerange(0, 4096)
        if what == "wrong shape":
            return np.zeros(3, "f4")
        if what == "wrong type":
            return np.zeros(2, "i8")
        if what == "kill itself":
            os.kill(os.getpid(), signal.SIGABRT)
        return x * 2


class Escape:
    """Tries to get out of its sandbox."""

    inputs, outputs = {"what": "BYTES"}, {"said": "BYTES"}

    def __call__(self, batch):
        return {"said": [self.escape(what.decode()) for what in batch["what"]]}

    def escape(self, what):
        if what == "open":
            return open("/etc/passwd").read()
        if what == "connect":
            socket.socket().connect(("127.0.0.1", 1))
        if what == "run":
            subprocess.run(["true"])
        if what == "kill the server":
            os.kill(os.getppid(), signal.SIGTERM)
        return f"user {os.getuid()}"


class WrongKeys:
    inputs, outputs = {"x": "FP32[2]"}, {"y": "FP32[2]"}

    def __call__(self, batch):
        return {"z": batch["x"]}


class NoDict:
    inputs, outputs = {"x": "FP32[2]"}, {"y": "FP32[2]"}

    def __call__(self, batch):
        return batch["x"]


class Double:
    inputs, outputs = {"x": "FP32[?]"}, {"y": "FP32[?]"}

    def __call__(self, batch):
        x = batch["x"]
        return {"y": [one * 2 for one in x] if isinstance(x, list) else x * 2}


class SlowToImport:
    inputs, outputs = {"x": "FP32[2]"}, {"y": "FP32[2]"}

    def __init__(self, seconds):
        time.sleep(seconds)

    def __call__(self, batch):
        return {"y": batch["x"]}


class Payments:
    """Leaves a line in a file for every item, and dies of the second."""

    inputs, outputs = {"x": "FP32[1]"}, {"y": "FP32[1]"}
    side_effects = True

    def __init__(self, file):
        self.file = file

    def __call__(self, batch):
        for x in batch["x"]:
            with open(self.file, "a") as file:
                file.write(f"{x[0]:g}\n")
            if x[0] == 2:
                os._exit(4)
        return {"y": batch["x"]}


class FailsTwice:
    inputs, outputs = {"x": "FP32[1]"}, {"y": "FP32[1]"}

    def __init__(self):
        self.calls = 0

    def __call__(self, batch):
        self.calls += 1
        if self.calls % 3:
            raise OSError("the network is away")
        return {"y": batch["x"]}


class Doubles:
    """Says nothing of what it takes and gives: the pipeline file does."""

    def __call__(self, batch):
        return {name.replace("x", "y"): 2 * array for name, array in batch.items()}


class WhereItRuns:
    inputs, outputs = {"x": "FP32[2]"}, {"y": "BYTES"}

    def __call__(self, batch):
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        return {"y": [cpus.encode()] * len(batch["x"])}
