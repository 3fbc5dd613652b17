"""Programs for Aqueduct, aqueduct_examples/*.py, of which only the imports are changed. Each prints
what stands in the comments at its end."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from aqueduct_package import PACKAGE

HERE = pathlib.Path(__file__).resolve().parent
IMPORT = re.compile(r"^(\s*from|\s*import) aqueduct\b", re.MULTILINE)


class Examples(unittest.TestCase):
    def test_examples(self):
        programs = sorted((HERE / "aqueduct_examples").glob("*.py"))
        self.assertGreaterEqual(len(programs), 8)
        path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
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
                ran = subprocess.run([sys.executable, "-W", "ignore", file], text=True,
                                     env=dict(os.environ, PYTHONPATH=path), capture_output=True)
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
