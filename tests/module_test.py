"""The Python module, from `pip install .` in a fresh virtual environment on: its own tests, what
docs/python.md and README.md tell people to type, and mypy on examples.

Skips, with a line that says so, where `tools/setup.sh python` has not run. Without a network: all that
pip needs lies in build/deps/wheels.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
WHEELS = ROOT / "build/deps/wheels"
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.S | re.M)
PIP = dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(WHEELS), PIP_DISABLE_PIP_VERSION_CHECK="1")


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


class ModuleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        venv.create(cls.folder.name, with_pip=True)
        cls.python = pathlib.Path(cls.folder.name, "bin", "python")
        run(cls.python, "-m", "pip", "-q", "install", f"{ROOT}[aqueduct]", env=PIP)
        run(cls.python, "-m", "pip", "-q", "install", "mypy", "ml_dtypes", "aiohttp", env=PIP)
        # Nothing of the tree or of this process is in the way.
        cls.environment = {name: value for name, value in os.environ.items()
                           if name not in ("PYTHONPATH", "LEAT_PROGRAM", "LEAT_PYTHON")}
        cls.environment["PATH"] = f"{cls.python.parent}{os.pathsep}{os.environ['PATH']}"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_its_own_tests(self):
        self.run_all("test_*.py")

    def test_those_of_aqueduct(self):
        self.run_all("aqueduct_*_test.py")

    def run_all(self, names):
        files = sorted((ROOT / "python/tests").glob(names))
        self.assertGreater(len(files), 4)
        for file in files:
            with self.subTest(file.name):
                printed = run(self.python, "-W", "ignore", file, cwd=file.parent,
                              env=dict(self.environment, PYTHONDONTWRITEBYTECODE="1"))
                self.assertNotIn("skipped:", printed)

    def snippets(self, document):
        """The blocks of Python run as one program; a text block is what the one before it prints."""
        code, expected = [], []
        for block in BLOCK.finditer(document):
            if block["kind"] == "python":
                code.append(block["body"] + "\nprint('\\0', end='', flush=True)\n")
                expected.append(None)
            elif block["kind"] == "text" and code:
                expected[-1] = block["body"].strip()
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "snippets.py")
            program.write_text("".join(code))
            printed = run(self.python, program, cwd=folder, env=self.environment).split("\0")
        for text, wanted in zip(printed, expected):
            if wanted is not None:
                parts = (re.escape(part) for part in wanted.split("..."))
                self.assertRegex(text, re.compile(".*".join(parts), re.S))
        return "".join(code)

    def test_what_the_documents_say(self):
        code = self.snippets((ROOT / "docs/python.md").read_text())
        self.assertGreater(len(code), 1000)
        readme = (ROOT / "README.md").read_text()
        self.assertIn("## From Python", readme)
        self.snippets(readme[readme.index("## From Python"):].split("\n## ")[0] or "")

    def test_mypy_knows_it(self):
        examples = ROOT / "python/tests/typed.py"
        run(self.python, "-m", "mypy", "--strict", "--cache-dir", self.folder.name, examples, cwd=self.folder.name)
        wrong = examples.read_text().replace("width=224", "widht=224")
        file = pathlib.Path(self.folder.name, "wrong.py")
        file.write_text(wrong)
        done = subprocess.run([self.python, "-m", "mypy", "--cache-dir", self.folder.name, file],
                              capture_output=True, text=True, cwd=self.folder.name)
        self.assertIn("widht", done.stdout)

    def test_the_stubs_are_current(self):
        with tempfile.TemporaryDirectory() as folder:
            package = run(self.python, "-c", "import leat; print(leat.__path__[0])", cwd=folder).strip()
            run(self.python, ROOT / "python/stubs.py", package, folder, cwd=folder)
            for file in pathlib.Path(folder).glob("*.pyi"):
                self.assertEqual(file.read_text(), (ROOT / "python/leat" / file.name).read_text(),
                                 f"{file.name}: `make docs` writes it")

    def test_what_builds_it_is_pinned_alike(self):
        pinned = (ROOT / "tools/python-requirements.txt").read_text()
        for need in re.findall(r'^requires = \["(.*)"\]', (ROOT / "pyproject.toml").read_text(), re.M):
            self.assertIn(f"{need} ", pinned)


if __name__ == "__main__":
    if not WHEELS.exists():
        print(f"skipped: no {WHEELS.relative_to(ROOT)}; tools/setup.sh python brings it")
        sys.exit(0)
    unittest.main()
