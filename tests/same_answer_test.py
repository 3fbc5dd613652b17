"""Every example gives the same answer when each of its steps runs in a process of its own.

Examples whose models are not there are left out, with a line that says so.
"""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from leat_process import ASSETS, PYTHON, ROOT, leat

EXAMPLES = sorted(ROOT.glob("examples/*/pipeline.yaml"))
# The step's own line, so that it comes once for each step.
STEP = re.compile(r"^( +)(op|model): .*$", re.M)


def photos(example, folder):
    if example.parent.name in ("ocr", "python"):
        if PYTHON.exists():
            subprocess.run([PYTHON, ROOT / "examples/ocr/draw.py", folder], check=True)
        return sorted(pathlib.Path(folder).glob("*.jpg"))
    folder = "face" if example.parent.name == "faces" else "photo"
    return sorted((ASSETS / "images" / folder).glob("*.jpg"))[:3]


class SameAnswer(unittest.TestCase):
    def assert_alike(self, a, b):
        if isinstance(a, dict):
            self.assertEqual(list(a), list(b))
            a, b = list(a.values()), list(b.values())
        if isinstance(a, list):
            self.assertEqual(len(a), len(b))
            for one, other in zip(a, b):
                self.assert_alike(one, other)
        elif isinstance(a, (int, float)):
            self.assertAlmostEqual(a, b, delta=0.02)
        else:
            self.assertEqual(a, b)

    def test_every_example(self):
        done = 0
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for example in EXAMPLES:
            pictures = photos(example, folder.name)
            if leat("check", example).returncode != 0 or not pictures:
                print(f"left out: {example.relative_to(ROOT)}: its model or its pictures are not there")
                continue
            text = re.sub(r"^ +(run_in|instances): .*\n", "", example.read_text(), flags=re.M)
            text, steps = STEP.subn(r"\g<0>\n\1run_in: process\n\1instances: 1", text)
            # Beside the example, since its paths start there.
            there = example.with_name(".in_processes.yaml")
            try:
                there.write_text(text)
                checked = leat("check", there)
                self.assertEqual(checked.returncode, 0, checked.stderr)
                for photo in pictures:
                    ran = [leat("run", path, "--input", f"@{photo}") for path in (example, there)]
                    self.assertEqual(ran[0].returncode, 0, ran[0].stderr)
                    self.assertEqual(ran[1].returncode, 0, ran[1].stderr)
                    answers = [json.loads(each.stdout) for each in ran]
                    if "pad:" in text:  # lines that share a batch are filled up, which numbers feel
                        self.assert_alike(*answers)
                    else:
                        self.assertEqual(*answers)
                    done += steps
            finally:
                there.unlink(missing_ok=True)
        print(f"{done} steps gave the same")


if __name__ == "__main__":
    unittest.main()
