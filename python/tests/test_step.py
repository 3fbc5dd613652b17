"""@leat.step: what it makes of annotations, and the processes that run it."""

import pathlib
import sys
import tempfile
import unittest
from typing import Annotated

import numpy as np

import leat
from samples import JPEG, PICTURE


def ports(made):
    return made.__leat_step__.inputs, made.__leat_step__.outputs


class AnnotationsTest(unittest.TestCase):
    def test_types(self):
        @leat.step
        def one(image: "IMAGE", k: np.float32, n: int, b: bytes,
                x: Annotated[np.ndarray, "FP32[4]"]) -> {"y": "FP32", "z": np.int64}:
            return {"y": 1, "z": 2}

        self.assertEqual(ports(one), ({"image": "IMAGE", "k": "FP32", "n": "INT64", "b": "BYTES",
                                       "x": "FP32[4]"}, {"y": "FP32", "z": "INT64"}))

        @leat.step
        class Two:
            def __init__(self, by=2): ...
            def __call__(self, x: float) -> "FP32": ...

        self.assertEqual(ports(Two), ({"x": "FP32"}, {"output": "FP32"}))

        @leat.step(inputs={"a": "FP32"}, outputs={"b": "FP32"}, side_effects=True)
        def three(a):
            return a

        self.assertEqual(ports(three), ({"a": "FP32"}, {"b": "FP32"}))
        self.assertTrue(three.__leat_step__.side_effects)
        self.assertEqual(three(5), 5)  # a function as before

    def test_annotations_that_are_texts(self):
        scope = {"leat": leat, "np": np}
        exec(compile("from __future__ import annotations\n"
                     "@leat.step\n"
                     "def f(image: 'IMAGE', k: np.float32) -> {'y': 'FP32', 'z': np.uint8}: ...\n",
                     "f.py", "exec"), scope)
        self.assertEqual(ports(scope["f"]), ({"image": "IMAGE", "k": "FP32"}, {"y": "FP32", "z": "UINT8"}))

    def test_mistakes(self):
        def untyped(x) -> "FP32": ...
        def odd(x: dict) -> "FP32": ...
        def silent(x: "FP32"): ...
        def nothing() -> "FP32": ...

        for wrong, why in ((untyped, "untyped: x has no type"), (odd, "dict"), (silent, "does not say what it gives"),
                           (nothing, "takes nothing")):
            with self.assertRaisesRegex(TypeError, why):
                leat.step(wrong)

    def test_batches_of_items(self):
        @leat.step
        def half(x: "FP32", y: "FP32") -> {"z": "FP32"}:
            if x < 0:
                raise leat.BadInput("below 0")
            return (x + y) / 2

        made = half.__leat_step__()
        answer = made({"x": np.array([1, -1, 3], "f4"), "y": np.array([3, 3, 3], "f4")})["z"]
        self.assertEqual((answer[0], answer[2]), (2, 3))
        self.assertIsInstance(answer[1], leat.BadInput)
        with self.assertRaisesRegex(TypeError, "takes no params"):
            half.__leat_step__(by=3)


STEPS = """
import sys
import leat
import numpy as np

@leat.step
def brightness(image: "IMAGE") -> {"brightness": "FP32", "loaded": "BOOL"}:
    if image.shape[0] == 1:
        raise leat.BadInput("a line is no picture")
    if image.shape[0] == 2:
        raise leat.BadMedia("nor are two")
    if image.shape[0] == 3:
        raise RuntimeError("broken")
    loaded = "leat._leat" in sys.modules or "onnxruntime" in open("/proc/self/maps").read()
    return {"brightness": image.mean(), "loaded": loaded}

@leat.step
class Times:
    def __init__(self, by=2.0):
        self.by = by
    def __call__(self, x: "FP32[n]") -> {"y": "FP32[n]"}:
        return x * self.by

@leat.step(batch=True)
def together(x: "FP32[4]") -> {"y": "FP32[4]"}:
    return {"y": x + len(x)}

@leat.step
def interpreter(x: "FP32") -> "BYTES":
    return sys.executable
"""


class ProcessesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pathlib.Path(cls.folder.name, "my_steps.py").write_text(STEPS)
        sys.path.insert(0, cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        sys.path.remove(cls.folder.name)
        cls.folder.cleanup()

    def test_a_function_in_code_and_in_a_file(self):
        import my_steps

        p = leat.Pipeline(name="bright")
        out = p.python(my_steps.brightness, image=p.image.decode(p.input("photo")))
        p.output(brightness=out.brightness, loaded=out.loaded)
        path = pathlib.Path(self.folder.name, "bright.yaml")
        path.write_text("""leat: 1
inputs: { photo: BYTES }
steps:
  decode: { op: image.decode, inputs: { data: photo } }
  bright: { python: "my_steps.py:brightness", inputs: { image: decode.image } }
outputs: { brightness: bright.brightness, loaded: bright.loaded }
""")
        for pipeline in (p, leat.Pipeline(path)):
            answer = pipeline(JPEG)
            self.assertAlmostEqual(float(answer.brightness), float(leat.image.decode(JPEG).image.mean()), 2)
            self.assertFalse(answer.loaded, "a worker that imports leat loads no compiled part of it")
            for height, kind in ((1, leat.BadInput), (2, leat.BadMedia), (3, leat.StepFailed)):
                with self.assertRaises(kind) as caught:
                    pipeline(leat.image.encode(PICTURE[:height], format="PNG"))
                self.assertIs(type(caught.exception), kind)

    def test_a_class_with_params_a_batch_and_the_interpreter(self):
        import my_steps

        p = leat.Pipeline()
        x = p.input("x", "FP32[4]")
        times = p.python(my_steps.Times, x=x, params={"by": 3.0})
        together = p.python("my_steps.py:together", x=times.y)
        where = p.python(my_steps.interpreter, x=1.0)
        p._folder = self.folder.name
        p.output(y=together.y, where=where.output)
        answer = p(np.arange(4, dtype=np.float32))
        self.assertEqual(answer.y.tolist(), [1, 4, 7, 10])
        self.assertEqual(answer.where.decode(), sys.executable)

    def test_results_outlive_their_engine(self):
        """Some lie in memory that belongs to the engine."""
        import my_steps

        def call():
            p = leat.Pipeline(engine=leat.Engine())
            image = p.image.decode(p.input("photo"))
            times = p.python(my_steps.Times, x=p.input("x", "FP32[n]"))
            p.output(image=image, intact=p.python(my_steps.brightness, image=image).brightness, y=times.y)
            return p(leat.image.encode(big, format="PNG"), np.ones(300000, np.float32))

        big = np.random.default_rng(1).integers(0, 256, (500, 400, 3), np.uint8)
        answer = call()
        np.testing.assert_array_equal(answer.image, big)
        self.assertEqual(answer.y.sum(), 600000)

    def test_what_cannot_be_found_by_a_process(self):
        def inner(x: "FP32") -> "FP32":
            return x

        p = leat.Pipeline()
        with self.assertRaisesRegex(ValueError, "not at the top of"):
            p.python(leat.step(inner), x=p.input("x", "FP32"))
        with self.assertRaisesRegex(ValueError, "no file"):
            p.python(max, x=p.input("y", "FP32"))

    def test_run_in_process(self):
        p = leat.Pipeline()
        p.output(y=p.tensor.softmax(p.input("x", "FP32[?]"), options={"run_in": "process"}))
        self.assertEqual(p([1.0, 1.0]).tolist(), [0.5, 0.5])


if __name__ == "__main__":
    unittest.main()
