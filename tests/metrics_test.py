"""What /metrics gives is what docs/serving.md lists: names, types and labels, no more and no fewer.

Skips, with a line that says so, where `tools/setup.sh demo` has not run: it brings a model.
"""

import pathlib
import re
import shutil
import sys
import tempfile
import unittest
import urllib.request

from leat_process import ROOT, Server

MODEL = ROOT / "build/deps/demo/orientation.onnx"
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([\w, ]*) ?\|", re.M)
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? \S+")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scrape(*arguments):
    """{family: (type, {its label names})}, and every series as (name, labels), from a fresh server."""
    with Server(*arguments) as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as reply:
            text = reply.read().decode()
    families, series = {}, []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            families[family] = (kind, set())
        if line.startswith("#"):
            continue
        name, labels = SAMPLE.fullmatch(line).groups()
        labels = dict(LABEL.findall(labels or ""))
        series.append((name, labels))
        family = name if name in families else re.sub("_(bucket|sum|count)$", "", name)
        families[family][1].add(frozenset(labels) - {"le"})
    return families, series


class Metrics(unittest.TestCase):
    def test_the_table_is_what_is_there(self):
        rows = ROW.findall((ROOT / "docs/serving.md").read_text())
        listed = {name: (kind, {frozenset(re.findall(r"\w+", labels))}) for name, kind, labels in rows}
        self.assertEqual(len(listed), len(rows), "a metric is listed twice")
        families, _ = scrape("examples/ocr/pipeline.yaml", "examples/python/pipeline.yaml")
        self.assertEqual(families, listed)

    def test_versions_are_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            for version in ("1", "2"):
                place = pathlib.Path(folder) / "upright" / version
                place.mkdir(parents=True)
                shutil.copy(MODEL, place / "model.onnx")
            _, series = scrape(folder)
        keys = [(name, frozenset(labels.items())) for name, labels in series]
        self.assertEqual(len(keys), len(set(keys)), "a series comes twice")
        for name in ("leat_in_flight", "leat_queue_depth"):
            got = [(labels["pipeline"], labels["version"]) for found, labels in series if found == name]
            self.assertEqual(sorted(got), [("upright", "1"), ("upright", "2")])


if __name__ == "__main__":
    if not MODEL.exists():
        print(f"skipped: no {MODEL.relative_to(ROOT)}; tools/setup.sh demo brings it")
        sys.exit(0)
    unittest.main()
