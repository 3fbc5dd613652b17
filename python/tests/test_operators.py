"""Operators as functions."""

import os
import tempfile
import threading
import unittest

import numpy as np

import leat
from samples import JPEG, LABELS, PICTURE, SPECS, call_of, function


class OperatorsTest(unittest.TestCase):
    def test_every_operator_can_be_called(self):
        succeeded = []
        for spec in SPECS:
            with self.subTest(spec["name"]):
                try:
                    value = function(spec["name"])(**call_of(spec))
                except leat.Error as error:  # of models' outputs, which samples know nothing of
                    self.assertTrue(str(error).startswith(spec["name"] + ": "), error)
                    continue
                succeeded.append(spec["name"])
                values = value if len(spec["outputs"]) > 1 else [value]
                self.assertEqual(len(values), len(spec["outputs"]))
                for port, one in zip(spec["outputs"], values):
                    if one is None:
                        self.assertTrue(port["only_with"])
                    elif port["type"].startswith("BYTES"):
                        self.assertIsInstance(one, list if "[" in port["type"] else bytes)
                    else:
                        self.assertIsInstance(one, np.ndarray)
        self.assertGreater(len(succeeded), 0.6 * len(SPECS), succeeded)

    def test_functions_and_pipelines_give_the_same(self):
        for spec in SPECS:
            named = call_of(spec)
            try:
                value = function(spec["name"])(**named)
            except leat.Error:
                continue
            with self.subTest(spec["name"]):
                ports = {port["name"]: port for port in spec["inputs"] if port["name"] in named}
                if any(port["many"] for port in ports.values()):
                    continue
                inputs = {name: np.asarray(value) if not isinstance(value, (bytes, list)) else value
                          for name, value in named.items() if name in ports}
                types = {np.dtype(code): kind for kind, code in (
                    ("FP32", "f4"), ("FP16", "f2"), ("UINT8", "u1"), ("INT64", "i8"), ("FP64", "f8"),
                    ("BOOL", "?"), ("INT32", "i4"), ("UINT16", "u2"))}

                def type_of(name):
                    if ports[name]["type"].startswith(("BYTES", "IMAGE")):
                        return ports[name]["type"]
                    one = inputs[name]
                    return f"{types[one.dtype]}{list(one.shape)}".replace("[]", "").replace(" ", "")

                given = [port["name"] for port, one in zip(
                    spec["outputs"], value if len(spec["outputs"]) > 1 else [value]) if one is not None]
                pipeline = leat.Pipeline({
                    "leat": 1, "inputs": {name: type_of(name) for name in inputs},
                    "steps": {"only": {"op": spec["name"], "inputs": {name: name for name in inputs},
                                       "params": {k: v for k, v in named.items() if k not in ports}}},
                    "outputs": {name: f"only.{name}" for name in given}})
                answer = pipeline(**inputs)
                pairs = zip([answer] if len(given) == 1 else answer,
                            [value] if len(spec["outputs"]) == 1 else [v for v in value if v is not None])
                for one, other in pairs:
                    if isinstance(one, np.ndarray):
                        np.testing.assert_array_equal(one, other)
                    else:
                        self.assertEqual(one, other)

    def test_against_numpy(self):
        rng = np.random.default_rng(3)
        x = rng.normal(size=(5, 7)).astype(np.float32)
        e = np.exp(x - x.max(-1, keepdims=True))
        np.testing.assert_allclose(leat.tensor.softmax(x), e / e.sum(-1, keepdims=True), rtol=1e-5)
        np.testing.assert_array_equal(leat.image.flip(PICTURE), PICTURE[:, ::-1])
        lossless = leat.image.decode(leat.image.encode(PICTURE, format="PNG"))
        np.testing.assert_array_equal(lossless.image, PICTURE)
        tensor = leat.image.to_tensor(PICTURE, width=10, height=12, mean=[1, 2, 3], std=[4, 5, 6]).tensor
        np.testing.assert_allclose(tensor, ((PICTURE.astype("f4") - [1, 2, 3]) / [4, 5, 6]).transpose(2, 0, 1),
                                   atol=1e-5)
        corners = (rng.random((60, 2)) * 50).astype("f4")
        boxes = np.concatenate([corners, corners + 20], axis=1)
        scores = rng.random(60).astype("f4")
        np.testing.assert_array_equal(leat.detect.nms(boxes, scores, iou=0.3, max=20000).index,
                                      naive_nms(boxes, scores, 0.3))

    def test_arguments(self):
        flip, nms = leat.image.flip, leat.detect.nms
        boxes, scores = np.zeros((1, 4), "f4"), np.zeros(1, "f4")
        self.assertEqual(nms(scores=scores, boxes=boxes).index.tolist(), nms(boxes, scores, None).index.tolist())
        for wrong, why in ((lambda: nms(boxes), "input scores is missing"),
                           (lambda: nms(boxes, scores, boxes=boxes), "boxes is given twice"),
                           (lambda: nms(boxes, scores, None, 0.4), "4 positional values"),
                           (lambda: nms(boxes, scores, uio=0.4), "did you mean iou"),
                           (lambda: flip(), "input image is missing: IMAGE")):
            with self.assertRaisesRegex(TypeError, why):
                wrong()
        for wrong, why in ((lambda: nms(boxes, scores, iou=2), "iou: 2 found, a number from 0 to 1 wanted"),
                           (lambda: nms(boxes, scores, iou=float("nan")), "nan found"),
                           (lambda: nms(boxes, scores, iou="x"), "'x' found"),
                           (lambda: nms(boxes, scores, max=True), "True found"),
                           (lambda: nms(boxes, scores, max=1 << 80), "found, an integer"),
                           (lambda: nms(boxes, scores, method="soft"), "hard, linear or gaussian"),
                           (lambda: nms(boxes, np.zeros(2, "f4")), "n is 2 here and 1 elsewhere")):
            with self.assertRaisesRegex(leat.BadInput, why) as caught:
                wrong()
            self.assertEqual(caught.exception.code, "bad_input")
            self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaises(leat.BadMedia) as caught:
            leat.image.decode(b"no picture")
        self.assertEqual(caught.exception.code, "bad_media")

    def test_parameters_are_told_apart(self):
        """Operators are kept by their parameters: equal ones that differ must not be taken for one."""
        x = PICTURE
        small = lambda **params: leat.image.to_tensor(x, width=5, height=5, **params).tensor  # noqa: E731
        values = [dict(mean=m, std=s) for m in (0, [0, 1, 2], (2, 1, 0), 7.5) for s in (1.0, [1, 2, 3])]
        values += [dict(dtype="FP16"), dict(dtype=np.float16), dict(channels="BGR"), dict(layout="NHWC")]
        first = [small(**params) for params in values]
        for _ in range(3):  # more than are kept
            for params, expected in zip(values, first):
                np.testing.assert_array_equal(small(**params), expected)
        self.assertEqual(small(dtype=np.float16).dtype, np.float16)
        mean = [1.0, 2.0, 3.0]
        before = small(mean=mean)
        mean[0] = 100.0  # the list is not what was kept
        self.assertFalse((small(mean=mean) == before).all())
        with self.assertRaises(leat.BadInput):
            leat.detect.nms(np.zeros((1, 4), "f4"), [1.0], max=1.0)  # equal to 1, and no integer
        np.testing.assert_array_equal(small(mean=np.array([1, 2, 3], "f4"), std=np.float32(2)),
                                      small(mean=[1, 2, 3], std=2))

    def test_paths_are_relative_to_the_working_directory(self):
        scores = np.arange(6, dtype=np.float32)
        here = os.getcwd()
        try:
            for name in ("a", "b"):
                folder = tempfile.mkdtemp()
                with open(os.path.join(folder, "labels.txt"), "w") as file:
                    file.write("".join(f"{name}{i}\n" for i in range(6)))
                os.chdir(folder)
                best = leat.tensor.top_k(scores, k=1, labels="labels.txt")
                self.assertEqual(best.labels, [f"{name}5".encode()])
        finally:
            os.chdir(here)
        import pathlib

        self.assertEqual(leat.tensor.top_k(scores, k=1, labels=pathlib.Path(LABELS)).labels, [b"label 5"])

    def test_words_of_python_have_an_underscore(self):
        scores = np.zeros((3, 4, 5), "f4")
        scores[2] = 1
        self.assertEqual(leat.detect.segmentation(scores, class_=2).mask.min(), 255)

    def test_several_outputs_stand_for_the_first(self):
        decoded = leat.image.decode(JPEG)
        self.assertEqual(decoded._fields[0], "image")
        np.testing.assert_array_equal(leat.image.flip(decoded), leat.image.flip(decoded.image))

    def test_from_many_threads(self):
        expected = [leat.image.to_tensor(PICTURE, width=w, height=7).tensor for w in range(1, 20)]
        failed = []

        def work():
            try:
                for _ in range(30):
                    for w in range(1, 20):
                        got = leat.image.to_tensor(leat.image.decode(JPEG).image * 0 + PICTURE, width=w,
                                                   height=7).tensor
                        np.testing.assert_array_equal(got, expected[w - 1])
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])


def naive_nms(boxes, scores, iou):
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        def overlap(j):
            w = min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0])
            h = min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1])
            both = max(w, 0) * max(h, 0)
            area = lambda b: (b[2] - b[0]) * (b[3] - b[1])  # noqa: E731
            return both / (area(boxes[i]) + area(boxes[j]) - both)
        if all(overlap(j) <= iou for j in kept):
            kept.append(i)
    return kept


if __name__ == "__main__":
    unittest.main()
