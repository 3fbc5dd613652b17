"""What README.md tells people to type works, and prints what it says; its pipeline and its drawing are
those of the tree.

A ```sh block is run, unless <!-- test: skip REASON --> stands before it. Its `leat serve` starts a
server, on free ports, that later blocks talk to. A ```text block is what the block before it prints,
with ... for anything. Skips, with a line that says so, where `tools/setup.sh demo` has not run.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from leat_process import ASSETS, PROGRAM, ROOT, Server, leat

README = (ROOT / "README.md").read_text()
MODEL = ROOT / "build/deps/demo/orientation.onnx"
BLOCK = re.compile(r"(<!-- test: skip(?P<reason>.*?)-->\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.S | re.M)


def pattern(text):
    return re.compile(r".*".join(re.escape(part) for part in text.split("...")), re.S)


class Readme(unittest.TestCase):
    def test_commands(self):
        server, printed = None, ""
        (ROOT / "build/demo/own.yaml").unlink(missing_ok=True)  # `leat init` overwrites nothing
        with tempfile.TemporaryDirectory() as folder:
            # The program under test is the only `leat` that the commands can find.
            (pathlib.Path(folder) / "leat").symlink_to(PROGRAM)
            path = os.pathsep.join([folder, os.environ["PATH"]])
            try:
                for block in BLOCK.finditer(README):
                    body = block["body"]
                    with self.subTest(body):
                        if block["kind"] == "text":
                            self.assertRegex(printed, pattern(body.strip()))
                        if block["kind"] != "sh":
                            continue
                        if block["reason"] is not None:
                            self.assertTrue(block["reason"].strip(), "a skip says its reason")
                            continue
                        body = re.sub(r"^export PATH=.*\n", "", body, flags=re.M)
                        serve = re.match(r"leat serve (.*)\n$", body)
                        if serve:
                            if server:
                                server.__exit__()
                            server = Server(*serve[1].split()).__enter__()
                            port = server.url.rsplit(":", 1)[1]
                            printed = server.banner.replace(port, "8000").replace(
                                str(server.metrics_port), "8002")
                            continue
                        self.assertNotIn("leat serve", body, "stands in a block of its own")
                        if "localhost" in body:
                            body = body.replace(":8000", f":{port}").replace(
                                ":8002", f":{server.metrics_port}")
                        done = subprocess.run(
                            ["bash", "-e", "-o", "pipefail", "-c",
                             'curl() { command curl -sS --fail-with-body "$@"; }\n' + body],
                            cwd=ROOT, env=dict(os.environ, PATH=path), capture_output=True, text=True,
                        )
                        printed = done.stdout
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            finally:
                if server:
                    server.__exit__()

    def test_the_pipeline_is_the_example(self):
        def plain(text):
            lines = (re.sub(r"\s*#.*", "", line) for line in text.splitlines())
            return [line for line in lines if line and not line.startswith("description:")]

        written = "".join(b["body"] for b in BLOCK.finditer(README) if b["kind"] == "yaml")
        self.assertEqual(plain(written), plain((ROOT / "examples/ocr/pipeline.yaml").read_text()))

    @unittest.skipUnless(ASSETS.exists(), f"no assets at {ASSETS}: the drawing needs its models")
    def test_the_drawing_is_what_is_drawn(self):
        drawn = leat("graph", "examples/things/pipeline.yaml", "--format", "svg")
        self.assertEqual(drawn.stdout, (ROOT / "docs/things.svg").read_text(), drawn.stderr)


if __name__ == "__main__":
    if not MODEL.exists():
        print(f"skipped: no {MODEL.relative_to(ROOT)}; tools/setup.sh demo brings it")
        sys.exit(0)
    demo = [str(ROOT / "examples/ocr/run.sh")]
    subprocess.run(demo, check=True, env=dict(os.environ, LEAT_PROGRAM=PROGRAM))  # draws the pictures
    unittest.main()
