"""Programs for Aqueduct, aqueduct_examples/*.py, of which only the imports are changed. Each prints
what stands in the comments at its end."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from aqueduct_package import PACKAGE

HERE = pathlib.Path(__file__).resolve().parent
IMPORT = re.compile(r"^(\s*from|\s*import) aqueduct\b", re.MULTILINE)

# As `python FILE`, with the module where these tests have found it.
RUN = """
import runpy, sys
sys.path[0] = sys.argv[1]
import aqueduct_package
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Examples(unittest.TestCase):
    def test_examples(self):
        programs = sorted((HERE / "aqueduct_examples").glob("*.py"))
        self.assertGreaterEqual(len(programs), 8)
        for program in programs:
            text = program.read_text()
            if "aiohttp import" in text and not aiohttp():
                print(f"skipped: {program.name}: there is no aiohttp")
                continue
            wanted = [line[2:] for line in text.splitlines() if line.startswith("# ")]
            changed = IMPORT.sub(rf"\1 {PACKAGE}", text)
            with self.subTest(program.stem), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder, program.name)
                file.write_text(changed)
                ran = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN, HERE, file],
                                     text=True, capture_output=True)
                self.assertEqual(ran.returncode, 0, ran.stderr[-3000:])
                self.assertEqual(ran.stdout.splitlines(), wanted, ran.stderr[-3000:])


def aiohttp():
    try:
        import aiohttp  # noqa: F401
        return True
    except ImportError:
        return False


if __name__ == "__main__":
    unittest.main()
