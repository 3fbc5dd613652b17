"""Starting the program under test, for the tests of the whole. Standard library only."""

import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("LEAT_PROGRAM", str(ROOT / "build/release/bin/leat"))
ASSETS = pathlib.Path(os.environ.get("LEAT_ASSETS", ROOT.parent / "shared/assets"))
MODELS = ASSETS / "models"
PYTHON = ROOT / "build/deps/venv/bin/python3"  # with numpy; tools/setup.sh demo brings it
ENVIRONMENT = dict(os.environ, LEAT_MODELS=str(MODELS), LEAT_PYTHON=str(PYTHON))


def leat(*arguments, **more):
    """Runs the program; the finished process, with text output."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT,
        env=ENVIRONMENT, **more,
    )


class Server:
    """`with Server(path, ...) as server`: serves on free ports until the block ends."""

    def __init__(self, *arguments, stderr=None):
        self.stderr = stderr
        self.arguments = [str(argument) for argument in arguments]

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", *self.arguments, "--http", "0", "--metrics", "0"],
            stdout=subprocess.PIPE, stderr=self.stderr, text=True, cwd=ROOT, env=ENVIRONMENT,
        )
        self.banner = self.process.stdout.readline()  # one clear line when ready
        if "http://" not in self.banner:
            self.process.wait()
            raise RuntimeError(f"leat serve did not start: {self.banner!r}")
        self.url = "http://" + self.banner.split("http://")[1].split(",")[0].strip()
        self.metrics_port = int(self.banner.split("metrics on :")[1].split()[0].rstrip(","))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        for stream in filter(None, (self.process.stdout, self.process.stderr)):
            stream.close()

    def call(self, path, body=None, headers=None):
        """(status, answer): the answer is parsed if it is JSON."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, parsed(reply)
        except urllib.error.HTTPError as error:
            return error.code, parsed(error)


def parsed(reply):
    data = reply.read()
    if reply.headers.get("Content-Type", "").startswith("application/json"):
        return json.loads(data)
    return data
