"""Every picture and every vision model that the assets' manifest says something about gives that,
through the server.

What a row says is read by the rules below; a row that no rule understands fails the test. Skips, with
a line that says so, where the assets are not there.
"""

import csv
import gzip
import json
import re
import sys
import unittest

from leat_process import ASSETS, MODELS, ROOT, Server, leat

TOLERANCE = 0.03  # of a probability, for every case alike
EXAMPLES = ("classify", "detect", "faces", "people", "style", "segment")
PIPELINES = ("squeezenet", "size", "word", "lines", "yunet", "fastestdet")
NO_PICTURES = {"model-aux", "tabular", "text", "text/filetype", "vectors", "video/audio"}
# No picture goes in.
OTHER_MODELS = {"dtln_1", "dtln_2", "magika_standard_v3_3", "nnsplit_en", "rf_iris", "silero_vad",
                "sk_pipeline_titanic", "sk_pipeline_xgboost", "sk_predictable_tsne"}
# The manifest and the model's own row together: ultraface sees a face in the cat.
FALSE_POSITIVES = {"images/photo/skimage_chelsea.png": {"0 faces": "1 faces"}}
# Names that model rows use for pictures.
SHORT = {"astronaut": "skimage_astronaut.png", "chelsea": "skimage_chelsea.png", "chelsea cat": "skimage_chelsea.png",
         "kitten": "winml_kitten_224.png", "kitten cat": "winml_kitten_224.png", "people2": "ovms_people2.jpeg",
         "people2 person": "ovms_people2.jpeg", "people3": "ovms_people3.jpeg", "dog_bike_man": "burn_dog_bike_man.jpg",
         "golden_retriever": "ovms_golden_retriever.jpeg", "airliner": "ovms_airliner.jpeg", "road1": "ovms_road1.jpg",
         "astronaut person": "skimage_astronaut.png", "hopper": "../exif/hopper_orientation_6.jpg"}


def rows():
    with open(ASSETS / "MANIFEST.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def photo(name):
    return {"file": f"images/photo/{SHORT.get(name, name)}"}


def stem(row):
    return row["file"].split("/")[-1].rsplit(".", 1)[0]


# --- What a clause of `expected` says of a picture. Each: a pattern, and what to check with the match.
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


def things(test, row, match):
    labels = test.answer("detect", row)["labels"]
    for thing in match[1].split(", "):
        test.assertIn(thing, labels, row["file"])


def persons(test, row, match):
    found = test.answer("detect", row)["labels"].count("person")
    test.assertGreaterEqual(found, int(match[1]), row["file"])  # the reference, too, has one more in fr_obama2
    test.assertEqual(len(test.answer("people", row)["embeddings"]), found, row["file"])


def cars(test, row, match):
    test.assertGreaterEqual(test.answer("detect", row)["labels"].count("car"), int(match[1]), row["file"])


def words(test, row, match):
    read = " ".join(test.answer("ocr", row)["text"]).split()
    for word in match[1].split(", "):
        test.assertIn(word, read, row["file"])


def text(test, row, match):
    test.assertEqual(test.answer("word", row)["text"], match[1], row["file"])


def lines(test, row, match):
    answer = test.answer("ocr", row)
    test.assertEqual(len(answer["text"]), int(match[1]), row["file"])
    test.assertEqual(answer["text"][0], match[2], row["file"])


# A picture is as large as the row's `what` says.
def decodes(test, row, match):
    answer = test.answer("size", row)
    size = re.search(r" (\d+)x(\d+) ", row["what"])
    if "orientation" not in row["what"]:
        test.assertEqual(answer["transform"][4:], [int(size[1]), int(size[2])], row["file"])
    test.assertEqual(answer["intact"], 1, row["file"])


def upright(test, row, match):
    test.assertEqual(test.answer("size", row)["transform"][4:], [int(match[1]), int(match[2])], row["file"])


def refused(test, row, match):
    status, answer = test.ask("size", row)
    test.assertIn(status, (400, 413, 415), f"{row['file']}: {answer}")
    test.assertGreater(len(answer["error"]), 20)


def refused_or_flagged(test, row, match):
    status, answer = test.ask("size", row)
    if status == 200:
        test.assertTrue(0 < answer["intact"] < 1, f"{row['file']}: {answer}")
    else:
        test.assertEqual(status, 415, f"{row['file']}: {answer}")


def refused_or_decoded(test, row, match):
    status, answer = test.ask("size", row)
    test.assertIn(status, (200, 415), f"{row['file']}: {answer}")


def nothing_more(test, row, match):
    pass  # it stands beside a clause that is checked


PICTURES = [
    (r"top-1 \d+.*", top1),
    (r"cat \([\d/]+\)", one_of),
    (r"goldfish/tench group \([\d,]+ vary by model\)", one_of),
    (r"\d+ [a-z ]+ or \d+ [a-z ]+", one_of),
    (r"(\d+) faces?", faces),
    (r"(\d+) persons?", persons),
    (r"cars, at least (\d+)", cars),
    (r"detector: ([a-z, ]+)", things),
    (r"words ([\w, ]+)", words),
    (r'text "(\w+)"', text),
    (r'scanned page, about (\d+) text lines \("(.*?) ?\.\.\."\)', lines),
    (r"upright size (\d+)x(\d+)", upright),
    (r"decodes ok( \(.*\)| in libwebp.*)?", decodes),
    (r"RGBA PNG", decodes),
    (r"road segmentation", nothing_more),  # the models here know no roads
    (r"must be rejected.*", refused),
    (r"truncated: reject, or partial decode flagged", refused_or_flagged),
    (r"damaged: .* -> either decode fully or reject, never crash", refused_or_decoded),
    (r"zTXt bomb: reject or ignore the text chunk", refused_or_decoded),
    (r"bounded memory", nothing_more),  # the server goes on, within what it has
]


# --- What a vision model's row says.
def best_labels(test, said, pipeline):
    """`picture thing .NN`, or `picture = thing .NN, thing .NN`."""
    for picture, things_said in re.findall(r"([\w ]+?)(?: =|(?= (?:cat|person|dog|airplane) \.)) ((?:\w+ \.\d+(?:, (?=\w+ \.))?)+)", said):
        answer = test.answer(pipeline, photo(picture.strip()))
        for thing, score in re.findall(r"(\w+) (\.\d+)", things_said):
            found = [s for s, label in zip(answer["scores"], answer["labels"]) if label == thing]
            test.assertTrue(found, f"{picture}: no {thing} in {answer['labels']}")
            test.assertAlmostEqual(found[0], float(score), delta=TOLERANCE, msg=f"{picture}: {thing}")
            test.compared += 1


def counts(test, said, pipeline):
    for picture, count in re.findall(r"(\w+) (\d+)(?=[,;:]| \(|$)", said.split(":", 1)[1].split("(")[0] + ","):
        test.assertEqual(len(test.answer(pipeline, photo(picture))["boxes"]), int(count), picture)
        test.compared += 1


def yolox(test, said):
    best_labels(test, re.sub(r"score>[\d.]+: |; road1.*", "", said).replace("; ", " ; "), "detect")
    cars(test, photo("road1"), re.search(r"road1 >=(\d+) cars", said))


def classifier(pipeline):
    def check(test, said):
        for name, wanted in re.findall(r"([\w-]+) (\d+)", said.split("right on ")[1]):
            file = next(row for row in rows() if re.search(rf"photo/.*{name}", row["file"]))
            test.assertEqual(test.answer(pipeline, file)["classes"][0], int(wanted), name)
            test.compared += 1
    return check


def segmented(test, said):
    for picture, thing, share in re.findall(r"(\w+) (cat|person) (\.\d+)", said):
        answer = test.answer("segment", photo(picture))
        found = dict(zip(answer["labels"], answer["shares"]))
        test.assertAlmostEqual(found.get(thing, 0), float(share), delta=TOLERANCE, msg=picture)
        number = {"cat": 8, "person": 15}[thing]  # of PASCAL VOC
        pixels = [pixel for line in answer["mask"] for pixel in line]
        test.assertAlmostEqual(pixels.count(number) / len(pixels), found[thing], places=4, msg=picture)
        test.compared += 1


def digits(test, said):
    """8 x 8 with levels to 16, enlarged to 20 x 20 in the middle of 28 x 28, as MNIST has its digits."""
    with gzip.open(ASSETS / "tabular/digits.csv.gz", "rt") as file:
        samples = [list(map(float, line)) for line in csv.reader(file)][:300]
    right = 0
    for *pixels, digit in samples:
        def at(x, y):
            if not (4 <= x < 24 and 4 <= y < 24):
                return 0
            x, y = (min(max((v - 4 + 0.5) * 8 / 20 - 0.5, 0), 7) for v in (x, y))
            left, top = min(int(x), 6), min(int(y), 6)
            rest_x, rest_y = x - left, y - top
            upper, lower = (pixels[8 * row + left] * (1 - rest_x) + pixels[8 * row + left + 1] * rest_x
                            for row in (top, top + 1))
            return (upper * (1 - rest_y) + lower * rest_y) * 255 / 16
        picture = [[[[at(x, y) for x in range(28)] for y in range(28)]]]
        status, answer = test.server.call("/run/mnist-8", json.dumps({"Input3": picture}).encode(),
                                          {"Content-Type": "application/json"})
        test.assertEqual(status, 200, answer)
        scores = answer["Plus214_Output_0"][0]
        right += scores.index(max(scores)) == int(digit)
    test.assertAlmostEqual(right / 300, float(re.match(r"([\d.]+)%", said)[1]) / 100, delta=TOLERANCE)
    test.compared += 1


def text_finder(test, said):
    for file, count in re.findall(r"(\w+\.\w+): (\d+)", said):
        row = next(row for row in rows() if row["file"].endswith(file))
        if file == "page.png":
            test.assertEqual(len(test.answer("ocr", row)["quads"]), int(count), file)
        else:
            test.assertEqual(len(test.answer("lines", row)["quads"]), int(count), file)
        test.compared += 1


def word_rows():
    return [row for row in rows() if "ocr/ovms_text_" in row["file"]]


def reader(test, said):
    for row in word_rows():
        text(test, row, re.match(r'text "(\w+)"', row["expected"]))
        test.compared += 1


def orientation(test, said):
    for row in word_rows():
        answer = test.answer("word", row)
        test.assertGreater(answer["upright"][0], 0.999, row["file"])
        test.assertGreaterEqual(answer["turned"][1], 0.999, row["file"])
        test.compared += 1


def style(test, said):
    picture = test.answer("style", photo("chelsea"))["picture"]["b64"]
    test.assertGreater(len(picture), 50_000)
    test.compared += 1


def same_person(test, said):
    """The row speaks of a video. Of the pictures: the same person, seen twice, and others."""
    def cosine(a, b):
        return sum(map(float.__mul__, a, b)) / (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
    people = test.answer("people", photo("people3"))["embeddings"]
    test.assertEqual(len(people), 3)
    for i, one in enumerate(people):
        test.assertAlmostEqual(cosine(one, one), 1, places=5)
        for other in people[i + 1:]:
            test.assertLess(cosine(one, other), 0.8)
    test.compared += 1


def refused_model(test, said):
    path = MODELS / "neg_super_resolution_no_opset.onnx"
    checked = leat("check", path)
    test.assertEqual(checked.returncode, 1)
    test.assertIn(re.search(r'"(.*)"', said)[1].split(" in ")[0].lower(), checked.stderr.lower())
    test.compared += 1


VISION_MODELS = {
    "deeplab_v3_voc": segmented, "fastestdet": lambda test, said: best_labels(test, said.split(": ", 1)[1], "fastestdet"),
    "mnist-8": digits, "mobilenetv2-12-int8": classifier("classify"), "squeezenet1_fp16": classifier("squeezenet"),
    "neg_super_resolution_no_opset": refused_model, "person_reid_retail_0248": same_person,
    "person_reid_retail_0288": same_person, "ppocr_en_number_v2_rec": reader, "ppocr_en_v3_det": text_finder,
    "ppocr_v2_cls": orientation, "style_candy": style, "ultraface_RFB_320": lambda test, said: counts(test, said, "faces"),
    "yolox_nano_416": yolox, "yunet_n_320": lambda test, said: counts(test, said, "yunet"),
}


@unittest.skipUnless(ASSETS.exists(), f"no assets at {ASSETS}: nothing to compare with")
class Manifest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pipelines = [ROOT / f"examples/{name}/pipeline.yaml" for name in EXAMPLES]
        pipelines += [ROOT / f"tests/pipelines/{name}.yaml" for name in PIPELINES]
        cls.server = Server(*filter(lambda path: path.exists(), pipelines), MODELS / "mnist-8.onnx",
                            ROOT / "examples/ocr/pipeline.yaml")
        cls.server.__enter__()
        cls.answers = {}

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def setUp(self):
        self.compared = 0

    def ask(self, pipeline, row):
        key = pipeline, row["file"]
        if key not in self.answers:
            self.answers[key] = self.server.call(f"/run/{pipeline}?timeout=300s",
                                                 (ASSETS / row["file"]).read_bytes())
        return self.answers[key]

    def answer(self, pipeline, row):
        status, answer = self.ask(pipeline, row)
        self.assertEqual(status, 200, f"{pipeline}, {row['file']}: {answer}")
        return answer

    def classify(self, row):
        return self.answer("classify", row)

    def test_every_picture_gives_what_its_row_states(self):
        checked = 0
        for row in rows():
            if not row["file"].startswith("images/"):
                continue
            said = row["expected"]
            clauses = [said] if said.startswith("damaged") else re.split(
                r"; (?![^(]*\))|, (?=\d+ faces?)|, (?=\d+ person)", said)
            for clause in clauses:
                with self.subTest(file=row["file"], clause=clause):
                    clause = FALSE_POSITIVES.get(row["file"], {}).get(clause, clause)
                    for pattern, check in PICTURES:
                        match = re.fullmatch(pattern, clause)
                        if match:
                            check(self, row, match)
                            checked += 1
                            break
                    else:
                        self.fail(f"no rule understands {clause!r}")
        self.assertGreater(checked, 110)

    def test_every_vision_model_gives_what_its_row_states(self):
        for row in rows():
            category = row["category"]
            if category.startswith("image") or category in NO_PICTURES or stem(row) in OTHER_MODELS:
                continue
            with self.subTest(file=row["file"]):
                self.assertEqual(category, "model")
                self.assertIn(stem(row), VISION_MODELS, "no rule understands this row")
                self.compared = 0
                VISION_MODELS[stem(row)](self, row["expected"])
                self.assertGreater(self.compared, 0, f"nothing was compared: {row['expected']}")

    def test_labelled_photos_agree_with_the_reference(self):
        label = r"top-1|cat \(|group \(|\d [a-z ]+ or \d"  # in `expected`, by the rules above
        labelled = {row["file"] for row in rows() if re.search(label, row["expected"]) and "photo/" in row["file"]}
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

    def test_detectors_agree_with_the_reference(self):
        """As many faces, and of things the same kinds, with their scores."""
        pipelines = {"ultraface_RFB_320.onnx": "faces", "yunet_n_320.onnx": "yunet", "yolox_nano_416.onnx": "detect",
                     "fastestdet.onnx": "fastestdet"}
        compared = 0
        for case in json.loads((MODELS / "reference.json").read_text())["cases"]:
            if case["model"] not in pipelines:
                continue
            with self.subTest(model=case["model"], file=case["input"]):
                answer = self.answer(pipelines[case["model"]], {"file": case["input"]})
                if "labels" not in answer:
                    self.assertEqual(len(answer["boxes"]), len(case["result"]))
                else:
                    wanted = [(label, score) for label, score, _ in case["result"]]
                    found = list(zip(answer["labels"], answer["scores"]))
                    for label, score in wanted:
                        near = [s for name, s in found if name == label and abs(s - score) <= 2 * TOLERANCE]
                        self.assertTrue(near or score < 0.7, f"{label} {score}: {found}")
            compared += 1
        self.assertEqual(compared, 80)


if __name__ == "__main__":
    if not ASSETS.exists():
        print(f"skipped: no assets at {ASSETS}")
    unittest.main(argv=sys.argv)
