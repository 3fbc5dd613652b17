"""The package itself: what importing loads, help, signatures."""

import inspect
import pathlib
import pickle
import pydoc
import subprocess
import sys
import unittest

import leat
from samples import SPECS, function


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class ImportTest(unittest.TestCase):
    def test_import_and_step_load_no_compiled_part(self):
        python("""
import sys, leat
@leat.step
def twice(x: "FP32[4]") -> {"y": "FP32[4]"}:
    return x * 2
try:
    raise leat.BadInput("no")
except ValueError:
    pass
assert "leat._leat" not in sys.modules and "numpy" not in sys.modules
assert "onnxruntime" not in open("/proc/self/maps").read()
leat.image
assert "leat._leat" in sys.modules
""")

    def test_families_can_be_imported(self):
        self.assertEqual(python("import leat.image as i; from leat import tensor; print(i.__name__, tensor.__name__)"),
                         "leat.image leat.tensor\n")
        with self.assertRaises(ModuleNotFoundError):
            __import__("leat.nothing")
        with self.assertRaises(AttributeError):
            leat.nothing

    def test_dir_has_everything(self):
        self.assertLessEqual({"Pipeline", "step", "serve", "Client", "Error", "image", "tensor",
                              "detect", "text", "__version__"}, set(dir(leat)))
        for name in leat.__all__:
            self.assertTrue(getattr(leat, name).__doc__, name)
        self.assertRegex(leat.__version__, r"^\d+\.\d+\.\d+$")

    def test_every_operator_tells_everything(self):
        for spec in SPECS:
            with self.subTest(spec["name"]):
                made = function(spec["name"])
                self.assertTrue(inspect.isroutine(made))
                self.assertEqual(made.__name__, spec["name"].split(".")[1])
                names = [one["name"] for one in spec["inputs"]] + [one["name"] for one in spec["params"]]
                self.assertEqual(set(inspect.signature(made).parameters), set(names))
                text = " ".join(pydoc.render_doc(made, renderer=pydoc.plaintext).split())
                for part in spec["inputs"] + spec["outputs"] + spec["params"]:
                    self.assertIn(f"{part['name']}: {part.get('type', part.get('takes'))}", text)
                    self.assertIn(" ".join(part["doc"].split()), text)
                self.assertIs(pickle.loads(pickle.dumps(made)), made)

    def test_help_of_a_family_lists_its_operators(self):
        text = pydoc.render_doc(leat.detect, renderer=pydoc.plaintext)
        self.assertIn("nms(boxes, scores, classes=None, *, iou=0.45", text)

    def test_the_program_came_along(self):
        program = pathlib.Path(sys.prefix, "bin", "leat")
        done = subprocess.run([program, "ops", "tensor.softmax"], capture_output=True, text=True)
        self.assertTrue(done.stdout.startswith("tensor.softmax\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
