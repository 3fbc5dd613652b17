"""Pipelines: the ways to make one, and what is said of mistakes."""

import pathlib
import pickle
import sys
import tempfile
import unittest

import numpy as np

import leat
from samples import JPEG, PICTURE, TOY

FILE = """leat: 1
name: soft
inputs: { x: "FP32[n]" }
steps:
  soft: { op: tensor.softmax, inputs: { x: x } }
  best: { op: tensor.top_k, inputs: { scores: soft.y }, params: { k: 2 } }
outputs: { y: soft.y, best: best.indices }
"""


def in_code():
    p = leat.Pipeline(name="soft")
    soft = p.tensor.softmax(p.input("x", "FP32[n]"))
    best = p.tensor.top_k(soft, k=2, options={"name": "best"})
    p.output(y=soft, best=best.indices)
    return p


class MakingTest(unittest.TestCase):
    def test_a_file_a_text_a_dict_and_code_are_the_same(self):
        x = np.array([1, 3, 2], np.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "soft.yaml")
            path.write_text(FILE)
            made = [leat.Pipeline(path), leat.Pipeline(str(path)), leat.Pipeline(FILE),
                    leat.Pipeline(in_code().dict()), in_code()]
            for pipeline in made:
                answer = pipeline(x)
                np.testing.assert_array_equal(answer.y, leat.tensor.softmax(x))
                self.assertEqual(answer.best.tolist(), [1, 2])
                self.assertEqual(pipeline.name, "soft")
                self.assertEqual(pipeline.inputs, [("x", "FP32[n]", False)])
                self.assertEqual([name for name, _, _ in pipeline.outputs], ["y", "best"])
                self.assertIn("softmax", pipeline.graph())
            self.assertEqual(leat.Pipeline(path, name="other").name, "other")
            self.assertIn("<svg", made[0].graph("svg"))

    def test_mistakes_are_told_all_at_once_with_their_places(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "bad.yaml")
            path.write_text(FILE.replace("top_k,", "top_q,").replace("soft.y,", "sofd.y,"))
            with self.assertRaises(leat.BadInput) as caught:
                leat.Pipeline(path)
            message = str(caught.exception)
            self.assertIn("bad.yaml:6:15: unknown operator", message)
            self.assertIn("bad.yaml:7:15: ", message)
            again = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual((type(again), str(again), again.code), (leat.BadInput, message, "bad_input"))
        with self.assertRaises(leat.NotFound):
            leat.Pipeline("nothing.yaml")
        p = leat.Pipeline()
        p.output(y=p.tensor.softmax(p.input("x", "FP32[3]"), axs=1))
        with self.assertRaisesRegex(leat.BadInput, 'no input "axs"|axs'):
            p([1, 2, 3])

    def test_everything_of_the_format_in_code(self):
        p = leat.Pipeline(name="all")
        rows = p.input("table", "FP32[n,4]")
        bonus = p.input("bonus", "FP32[4]", optional=True)
        soft = p.tensor.softmax(rows, options={"for_each": rows, "name": "each"})
        sure = p.tensor.top_k(soft, k=1, options={"when": f"max({soft}) > 0.5"})
        p.set(timeout="10s", description="All of it.")
        p.output(sure=p.gather(sure.values, absent="drop"), kept=p.rows(sure.values),
                 any=p.first_of(bonus, p.tensor.softmax([1.0, 1.0, 1.0, 1.0])))
        answer = p(np.array([[9, 0, 0, 0], [1, 1, 1, 1], [0, 0, 9, 0]], np.float32))
        self.assertEqual(answer.kept.tolist(), [0, 2])
        self.assertEqual(answer.sure.shape, (2, 1))
        self.assertEqual(answer.any.tolist(), [0.25] * 4)
        self.assertEqual(p(table=np.zeros((0, 4), np.float32), bonus=[1, 2, 3, 4]).any.tolist(), [1, 2, 3, 4])
        self.assertEqual(p.description, "All of it.")

    def test_code_that_is_wrong(self):
        p, other = leat.Pipeline(), leat.Pipeline()
        x = p.input("x", "FP32[3]")
        with self.assertRaisesRegex(ValueError, "of another pipeline"):
            other.tensor.softmax(x)
        with self.assertRaisesRegex(ValueError, "input x already"):
            p.input("x")
        with self.assertRaisesRegex(AttributeError, "no operator tensor.sofmax"):
            p.tensor.sofmax(x)
        with self.assertRaises(AttributeError):
            p.nothing
        with self.assertRaisesRegex(TypeError, "of a file or a dict"):
            leat.Pipeline(TOY).input("y")
        with self.assertRaisesRegex(TypeError, "2 are given"):
            p.tensor.softmax(x, x)
        with self.assertRaisesRegex(TypeError, "name one"):
            other.tensor.softmax(other.model("m.onnx"))
        with self.assertRaisesRegex(leat.BadInput, "outputs"):
            p([1, 2, 3])
        p.output(y=p.tensor.softmax(x))
        self.assertEqual(p([1, 1, 1]).tolist(), leat.tensor.softmax([1, 1, 1]).tolist())
        p.output(z=p.tensor.softmax(x))  # a pipeline that has run can be gone on with
        self.assertEqual(len(p([1, 1, 1])), 2)

    def test_what_stands_for_its_first(self):
        p = leat.Pipeline()
        decoded = p.image.decode(p.input("self"))  # an input may have any name
        p.output(image=decoded, flipped=p.image.flip(decoded))
        answer = p(self=JPEG)
        np.testing.assert_array_equal(answer.image[:, ::-1], answer.flipped)
        self.assertEqual(p._written([decoded, p.input("other")]), ["decode.image", "other"])

    def test_models(self):
        sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests"))
        from tiny_onnx import FP32, model

        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "same.onnx")
            path.write_bytes(model("Identity", {"x:0": (FP32, ["n", 4])}, {"y": (FP32, ["n", 4])}))
            x = np.arange(8, dtype=np.float32).reshape(2, 4)
            self.assertEqual(leat.Pipeline(path)(x).tolist(), x.tolist())
            p = leat.Pipeline(folder=folder)
            out = p.model("same.onnx", {"x:0": p.input("x", "FP32[4]")}, options={"batch": {"max": 8}})
            p.output(y=out.y)
            self.assertEqual(p(x[0]).tolist(), x[0].tolist())


class CallingTest(unittest.TestCase):
    def test_answers(self):
        answer = in_code()([1, 2, 3])
        self.assertIsInstance(answer, leat.Answer)
        y, best = answer
        self.assertIs(answer.y, y)
        self.assertIs(answer["y"], y)
        self.assertIs(answer[1], best)
        self.assertEqual(answer.keys(), ("y", "best"))
        self.assertIsNone(answer.trace)
        with self.assertRaisesRegex(AttributeError, "the outputs are y, best"):
            answer.nothing
        with self.assertRaisesRegex(KeyError, "the outputs are y, best"):
            answer["nothing"]
        again = pickle.loads(pickle.dumps(answer))
        self.assertEqual(again.best.tolist(), best.tolist())

    def test_trace(self):
        answer = leat.Pipeline(TOY)([1, 2], trace=True)
        self.assertEqual([step.step for step in answer.trace], ["soft"])
        step = answer.trace[0]
        self.assertLessEqual(step.ready, step.begin)
        self.assertLessEqual(step.begin, step.end)
        self.assertLess(step.end, 60)
        self.assertEqual((step.row, step.batch), (-1, 1))
        self.assertEqual(answer.y.shape, (2,))

    def test_wrong_arguments(self):
        toy = leat.Pipeline(TOY)
        for wrong, kind, why in (
                (lambda: toy(), leat.BadInput, "input x: is missing"),
                (lambda: toy([1], [2]), TypeError, "takes 1 inputs; 2"),
                (lambda: toy([1], x=[2]), TypeError, "given twice"),
                (lambda: toy(z=[1]), leat.BadInput, "no input z; toy takes x"),
                (lambda: toy([1], timeout=0), TypeError, "timeout is 0"),
                (lambda: toy([1], timeout="x"), TypeError, ""),
                (lambda: toy([1], priority=-1), TypeError, "priority is -1"),
                (lambda: toy(np.zeros((1, 1), "f4")), leat.BadInput, r"input x: FP32\[1,1\] given, FP32\[\?\] wanted")):
            with self.assertRaisesRegex(kind, why):
                wrong()

    def test_codes(self):
        decode = leat.Pipeline({"leat": 1, "inputs": {"photo": "BYTES"}, "outputs": {"image": "d.image"},
                                "steps": {"d": {"op": "image.decode", "inputs": {"data": "photo"}}}})
        self.assertEqual(decode(JPEG).shape, PICTURE.shape)
        with self.assertRaises(leat.BadMedia) as caught:
            decode(b"x")
        self.assertIn("step d", str(caught.exception))
        with self.assertRaises(leat.Deadline) as caught:
            decode(JPEG, timeout=1e-9)
        self.assertIsInstance(caught.exception, TimeoutError)

    def test_batched(self):
        soft = leat.Pipeline(dict(TOY, batched=True))
        self.assertTrue(soft.batched)
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.testing.assert_allclose(soft(x), [leat.tensor.softmax(row) for row in x])
        with self.assertRaisesRegex(leat.BadInput, "axis of items"):
            soft(np.float32(1))

    def test_engines(self):
        one = leat.Engine(threads=1, max_in_flight=2)
        toy = leat.Pipeline(TOY, engine=one)
        self.assertEqual(toy([1.0]).tolist(), [1])
        self.assertIn('pipeline="toy"', one.metrics())
        self.assertTrue(one.drain())
        with self.assertRaises(leat.Unavailable):
            toy([1.0])
        self.assertEqual(leat.Pipeline(TOY)([1.0]).tolist(), [1])
        self.assertIs(leat.default_engine(), leat.default_engine())


if __name__ == "__main__":
    unittest.main()
