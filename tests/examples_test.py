"""Each example runs as its README says: its `leat serve` starts, and its curl answers with what the
pipeline gives.

Examples whose models are not there are left out, with a line that says so; examples/embed is in
cli_test.py, examples/plugin in plugin_test.py.
"""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from leat_process import ASSETS, PYTHON, ROOT, Server, leat

BLOCK = re.compile(r"^```sh\nleat serve (.*)\n(curl .*)\n```$", re.M)
PHOTO = ASSETS / "images/photo/ovms_people2.jpeg"


class Examples(unittest.TestCase):
    def test_each(self):
        done = 0
        for example in sorted(ROOT.glob("examples/*/pipeline.yaml")):
            if example.parent.name == "plugin":
                continue
            with self.subTest(example.parent.name), tempfile.TemporaryDirectory() as folder:
                if leat("check", example).returncode != 0:
                    print(f"left out: {example.parent.name}: its models are not there")
                    continue
                serve, curl = BLOCK.search(example.with_name("README.md").read_text()).groups()
                page = pathlib.Path(folder) / "build/demo"
                page.mkdir(parents=True)
                if PYTHON.exists():
                    subprocess.run([PYTHON, ROOT / "examples/ocr/draw.py", page], check=True)
                photo = PHOTO if PHOTO.exists() else page / "page.jpg"
                shutil.copy(photo, pathlib.Path(folder) / "photo.jpg")
                with Server(*serve.split()) as server:
                    command = curl.replace("localhost:8000", server.url.removeprefix("http://"))
                    ran = subprocess.run(command.replace("curl ", "curl -sS --fail-with-body ", 1), shell=True,
                                         cwd=folder, capture_output=True, text=True)
                self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
                outputs = re.search(r"^outputs:\n((?:  .*\n)+)", example.read_text(), re.M)[1]
                self.assertEqual(list(json.loads(ran.stdout)), re.findall(r"^  (\w+):", outputs, re.M))
                done += 1
        print(f"{done} examples answered")


if __name__ == "__main__":
    unittest.main()
