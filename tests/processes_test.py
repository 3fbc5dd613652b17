"""Steps in processes, through the program: what they can do wrong, and what becomes of it.

LEAT_WORKER_KILLS=1000 sets how many workers are killed under load (30 otherwise). Skips, with a line
that says so, where `tools/setup.sh demo` has not run: it brings an interpreter with numpy.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from leat_process import PROGRAM, PYTHON, ROOT, Server, leat

STEPS = ROOT / "tests/steps/obey.py"
KILLS = int(os.environ.get("LEAT_WORKER_KILLS", "30"))


def workers_of(server):
    """Processes that `server` has started."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(server):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids):
    """Waits until they are; what is left after a minute."""
    until = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    return [pid for pid in pids if alive(pid)]


class Processes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / f"{name}.yaml"
        path.write_text(f"leat: 1\npython_env: {PYTHON}\n{text}")
        return path

    def one_step(self, name, step, options="", inputs="x", kind="FP32[2]"):
        return self.write(name, f"""
inputs: {{ what: {{ type: BYTES, default: "" }}, x: "{kind}" }}
steps:
  s: {{ python: "{STEPS}:{step}", inputs: {{ {inputs}: {inputs} }}, instances: 1{options} }}
outputs: {{ y: s.y }}
""" if inputs == "x" else f"""
inputs: {{ what: BYTES, x: "{kind}" }}
steps:
  s: {{ python: "{STEPS}:{step}", inputs: {{ what: what, x: x }}{options} }}
outputs: {{ y: s.y }}
""")

    def call(self, server, name, **inputs):
        return server.call(f"/run/{name}", json.dumps(inputs).encode(), {"Content-Type": "application/json"})

    def test_only_its_own_items_fail(self):
        options = ", instances: 2, batch: { max: 4 }, worker: { time_limit: %s, memory: 1GiB }"
        # Only what never ends meets the short limit, however busy the machine is.
        paths = [self.one_step("obey", "Obey", options % "5m", "what"),
                 self.one_step("hurried", "Obey", options % "2s", "what")]
        wanted = {
            "raise": (500, "step s: ValueError: no face in the picture"),
            "give an error": (500, "step s: ValueError: no face in this one"),
            "bad input": (400, "step s: x must be positive"),
            "exit": (500, "step s: the worker exited with status 3, twice with this item alone"),
            "segfault": (500, "step s: the worker was killed by signal 11 (Segmentation fault), twice"),
            "loop": (500, "step s: it took longer than its limit of 2000 ms and was ended"),
            "sleep": (500, "step s: it took longer than its limit of 2000 ms and was ended"),
            "eat": (500, "limit of 1024 MiB"),
            "print": (200, ""),
            "wrong shape": (500, "step s: output y: FP32[3] was given where FP32[2] is declared"),
            "wrong type": (500, "step s: output y: INT64[2] was given where FP32[2] is declared"),
            "kill itself": (500, "step s: the worker was killed by signal 6 (Aborted), twice"),
            "close": (None, ""),  # it may answer before it is missed
        }
        with Server(*paths) as server:
            stop = threading.Event()
            wrong = []

            def others():
                i = 0
                while not stop.is_set():
                    i += 1
                    status, answer = self.call(server, "obey", what="nothing", x=[i, 1])
                    if (status, answer) != (200, {"y": [2 * i, 2]}):
                        wrong.append((status, answer))

            threads = [threading.Thread(target=others) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for what, (status, message) in wanted.items():
                    with self.subTest(what):
                        name = "hurried" if what in ("loop", "sleep") else "obey"
                        got, answer = self.call(server, name, what=what, x=[1, 2])
                        if status is not None:
                            self.assertEqual(got, status, answer)
                        if status != 200:
                            self.assertIn(message, answer.get("error", ""))
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(wrong, [])

    def test_nobody_reads_what_is_printed(self):
        path = self.one_step("obey", "Obey", inputs="what", options=", instances: 1")
        with Server(path, stderr=subprocess.PIPE) as server:
            for what in ("print", "nothing"):
                self.assertEqual(self.call(server, "obey", what=what, x=[1, 2]), (200, {"y": [2, 4]}))

    def test_sandbox(self):
        path = self.write("escape", f"""
inputs: {{ what: BYTES }}
steps:
  s: {{ python: "{STEPS}:Escape", inputs: {{ what: what }}, instances: 1, worker: {{ sandbox: true }} }}
outputs: {{ said: s.said }}
""")
        killed = "step s: the worker was killed by signal 31 (Bad system call), twice with this item alone"
        with Server(path) as server:
            user = 65534 if os.geteuid() == 0 else os.geteuid()
            self.assertEqual(self.call(server, "escape", what="nothing"), (200, {"said": f"user {user}"}))
            for what, message in (("open", "Permission denied: '/etc/passwd'"), ("connect", killed),
                                  ("run", killed), ("kill the server", killed)):
                status, answer = self.call(server, "escape", what=what)
                self.assertEqual(status, 500, what)
                self.assertIn(message, answer["error"])

    def test_what_a_class_gives_is_checked(self):
        paths = [self.one_step(name.lower(), name) for name in ("WrongKeys", "NoDict")]
        with Server(*paths) as server:
            for name, message in (("wrongkeys", "the step gave 'z'; its outputs are 'y'"),
                                  ("nodict", "the step gave ndarray; a dict of its outputs is wanted")):
                status, answer = self.call(server, name, x=[1, 2])
                self.assertEqual((status, answer["error"]), (500, f"step s: {message}"))

    def test_the_file_says_what_a_class_does_not(self):
        signature = ", signature: { inputs: { x: 'FP32[2]' }, outputs: { y: 'FP32[2]' } }"
        wrong = signature.replace("y: 'FP32[2]'", "y: 'FP32[3]'")
        with Server(self.one_step("said", "Doubles", signature), self.one_step("wrong", "Doubles", wrong)) as server:
            self.assertEqual(self.call(server, "said", x=[1, 2]), (200, {"y": [2, 4]}))
            status, answer = self.call(server, "wrong", x=[1, 2])
            self.assertEqual(status, 500)
            self.assertIn("FP32[3]", answer["error"])
        done = leat("check", self.one_step("unsaid", "Doubles"))
        self.assertIn("Doubles does not say its inputs", done.stderr)

    def test_cpus(self):
        cpu = min(os.sched_getaffinity(0))
        with Server(self.one_step("pinned", "WhereItRuns", f", worker: {{ cpus: {cpu} }}")) as server:
            self.assertEqual(self.call(server, "pinned", x=[1, 2]), (200, {"y": str(cpu)}))

    def test_a_slow_import_is_start_up_time(self):
        path = self.one_step("slow", "SlowToImport", ", params: { seconds: 2 }, worker: { time_limit: 1s }")
        with Server(path) as server:
            self.assertEqual(self.call(server, "slow", x=[1, 2]), (200, {"y": [1, 2]}))

    def test_sigterm_while_loading_ends_it(self):
        path = self.one_step("slow", "SlowToImport", ", params: { seconds: 3600 }")
        process = subprocess.Popen([PROGRAM, "serve", path, "--http", "0", "--metrics", "0"],
                                   stderr=subprocess.PIPE, text=True)
        with process:
            while not (workers := workers_of(process.pid)):
                time.sleep(0.01)
            process.terminate()
            self.assertIn("stopped before everything was loaded", process.stderr.read())
        self.assertEqual(process.returncode, 0)
        self.assertEqual(gone(workers), [])

    def test_what_does_not_load_says_why(self):
        for step, why in (("Nobody", "has no class Nobody"),
                          ("SlowToImport", "missing 1 required positional argument: 'seconds'")):
            done = leat("check", self.one_step("broken", step))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr.splitlines()[-1], r"broken.yaml:\d+:\d+: python: .*" + why)

    def test_side_effects_are_not_repeated(self):
        file = self.folder / "paid"
        path = self.one_step("pay", "Payments", f", params: {{ file: {file} }}", kind="FP32[1]")
        with Server(path) as server:
            for x in (1, 2, 3):
                status, answer = self.call(server, "pay", x=[x])
                self.assertEqual(status, 500 if x == 2 else 200, answer)
        self.assertEqual(file.read_text(), "1\n2\n3\n")

    def test_retry(self):
        paths = [self.one_step("twice", "FailsTwice", ", retry: 2, worker: { spare: false }", kind="FP32[1]"),
                 self.one_step("once", "FailsTwice", ", retry: 1, worker: { spare: false }", kind="FP32[1]")]
        with Server(*paths) as server:
            self.assertEqual(self.call(server, "twice", x=[5]), (200, {"y": [5]}))
            status, answer = self.call(server, "once", x=[5])
            self.assertEqual((status, answer["error"]), (500, "step s: OSError: the network is away"))

    CHAIN = """
inputs: {{ x: "FP32[?]" }}
steps:
  a: {{ python: "{steps}:Double", inputs: {{ x: x }}, instances: 2 }}
  b: {{ op: tensor.top_k, inputs: {{ scores: a.y }}, params: {{ k: 2 }}, run_in: process, instances: 2,
       worker: {{ sandbox: true }} }}
  c: {{ python: "{steps}:Double", inputs: {{ x: b.values }}, instances: 2, worker: {{ sandbox: true }} }}
outputs: {{ y: c.y, i: b.indices }}
"""

    def load(self, server, callers, stop, right, wrong, refused=()):
        """Threads that call the chain until `stop`; what they got."""
        def caller(seed):
            dice = random.Random(seed)
            while not stop.is_set():
                x = [dice.randrange(1000) for _ in range(dice.randrange(2, 9))]
                order = sorted(range(len(x)), key=lambda i: -x[i])[:2]
                try:
                    got = self.call(server, "chain?timeout=30s", x=x)
                except (urllib.error.URLError, ConnectionError) as error:
                    got = type(error)
                if got == (200, {"y": [4 * x[i] for i in order], "i": order}):
                    right.append(1)
                elif isinstance(got, tuple) and got[0] in refused or isinstance(got, type) and refused:
                    pass
                else:
                    wrong.append(got)

        threads = [threading.Thread(target=caller, args=(i,)) for i in range(callers)]
        for thread in threads:
            thread.start()
        return threads

    def test_kills_under_load(self):
        path = self.write("chain", self.CHAIN.format(steps=STEPS))
        dice = random.Random(1)
        with Server(path) as server:
            stop, right, wrong, ever = threading.Event(), [], [], set()
            threads = self.load(server, 6, stop, right, wrong)
            try:
                for _ in range(KILLS):
                    time.sleep(dice.random() * 0.05)
                    workers = workers_of(server.process.pid)
                    ever.update(workers)
                    if workers:
                        try:
                            os.kill(dice.choice(workers), signal.SIGKILL)
                        except ProcessLookupError:
                            pass
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(wrong[:3], [])
            self.assertGreater(len(right), KILLS)
            print(f"{KILLS} kills: {len(right)} calls answered rightly")
            # What lies in memory files goes with the processes; nothing of it has a name that stays.
            for pid in (server.process.pid, *workers_of(server.process.pid)):
                ever.add(pid)
                self.assertNotIn("/dev/shm", pathlib.Path(f"/proc/{pid}/maps").read_text())
        self.assertEqual(gone(ever), [])

    def test_sigterm_under_load_leaves_nothing(self):
        path = self.write("chain", self.CHAIN.format(steps=STEPS))
        with Server(path) as server:
            stop, right, wrong = threading.Event(), [], []
            threads = self.load(server, 6, stop, right, wrong, refused=(503,))
            while len(right) < 50 and not wrong:
                time.sleep(0.01)
            workers = workers_of(server.process.pid)
            server.process.terminate()
            self.assertEqual(server.process.wait(), 0)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong[:3], [])
            self.assertGreaterEqual(len(workers), 6)
            self.assertEqual(gone(workers), [])

    def test_kill_of_the_server_takes_workers_along(self):
        path = self.write("chain", self.CHAIN.format(steps=STEPS))
        with Server(path) as server:
            stop, right, wrong = threading.Event(), [], []
            threads = self.load(server, 2, stop, right, wrong, refused=(503,))
            while len(right) < 10 and not wrong:
                time.sleep(0.01)
            workers = workers_of(server.process.pid)
            server.process.kill()
            self.assertGreaterEqual(len(workers), 6)
            self.assertEqual(gone(workers), [])
            stop.set()
            for thread in threads:
                thread.join()


if __name__ == "__main__":
    if not PYTHON.exists():
        print(f"skipped: no {PYTHON.relative_to(ROOT)}; tools/setup.sh demo brings it")
        sys.exit(0)
    unittest.main()
