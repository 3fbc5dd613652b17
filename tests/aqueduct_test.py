"""Runs python/tests/aqueduct_*_test.py, those of leat.aqueduct, with the Python of build/deps/rivals,
which has aiohttp (`tools/setup.sh bench` makes it), or this one's. They skip, saying so, where the
Python module has not been built."""

import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
RIVALS = ROOT / "build/deps/rivals/bin/python"
PYTHON = RIVALS if RIVALS.exists() else sys.executable


class Aqueduct(unittest.TestCase):
    def test_each(self):
        scripts = sorted((ROOT / "python/tests").glob("aqueduct_*_test.py"))
        self.assertGreaterEqual(len(scripts), 6)
        for script in scripts:
            with self.subTest(script.stem):
                ran = subprocess.run([PYTHON, "-W", "ignore", script], capture_output=True, text=True)
                sys.stdout.write("".join(line for line in ran.stdout.splitlines(True)
                                         if line.startswith("skipped")))
                self.assertEqual(ran.returncode, 0, ran.stderr[-5000:])


if __name__ == "__main__":
    unittest.main()
