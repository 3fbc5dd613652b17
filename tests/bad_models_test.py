"""Models that cannot be loaded, and one that fails at run time: each says why, and what else the
server serves goes on."""

import json
import pathlib
import tempfile
import unittest

from leat_process import Server, leat
from tiny_onnx import FP32, INT64, model

ROWS = (FP32, ["n", 4])
NEGATE = model("Neg", {"x": ROWS}, {"y": ROWS})
PICK = model("Gather", {"x": (FP32, [2]), "i": (INT64, [1])}, {"y": (FP32, [1])})
BAD = {  # file, its bytes, what is said
    "text": (b"hello\n", "is a text file"),
    "empty": (b"", "is empty"),
    "cut": (NEGATE[:-20], "is cut off"),
    "opset": (model("Neg", {"x": ROWS}, {"y": ROWS}, opset=0), "Missing opset"),
    "unknown": (model("Frobnicate", {"x": ROWS}, {"y": ROWS}), "No Op registered for Frobnicate"),
}


class BadModels(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def write(self, name, data):
        # In one piece, as whoever changes what a server watches should.
        (self.folder / "new").write_bytes(data)
        return (self.folder / "new").rename(self.folder / f"{name}.onnx")

    def negates(self, server):
        answer = server.call("/run/good", json.dumps({"x": [[1, 2, 3, 4]]}).encode())
        self.assertEqual(answer, (200, {"y": [[-1, -2, -3, -4]]}))

    def test_at_the_start(self):
        for name, (data, why) in BAD.items():
            path = self.write(name, data)
            for verb in ("serve", "check", "run"):
                done = leat(verb, path, *(["--http", "0", "--metrics", "0"] if verb == "serve" else []))
                self.assertEqual(done.returncode, 1, (verb, name))
                self.assertEqual(len(done.stderr.strip().split("\n")), 1, done.stderr)
                self.assertIn(f"{path}: ", done.stderr)
                self.assertIn(why, done.stderr)

    def test_while_it_serves(self):
        self.write("good", NEGATE)
        with Server(self.folder, "--watch") as server:
            self.negates(server)
            for name, (data, _) in BAD.items():
                self.write(name, data)
            reasons = {}
            while len(reasons) < len(BAD):  # until the server has looked
                self.negates(server)
                _, index = server.call("/v2/repository/index", b"")
                reasons = {one["name"]: one["reason"] for one in index if one["state"] == "UNAVAILABLE"}
            for name, (_, why) in BAD.items():
                self.assertIn(why, reasons[name])
                status, answer = server.call(f"/run/{name}", b'{"x": [[1, 2, 3, 4]]}')
                self.assertEqual((status, answer["code"]), (503, "unavailable"))
                self.assertIn(why, answer["error"])
            self.negates(server)
        self.assertEqual(server.process.returncode, 0)

    def test_a_run_that_fails(self):
        self.write("good", NEGATE)
        self.write("pick", PICK)
        with Server(self.folder) as server:
            for i, wanted in ((1, 200), (9, 500), (0, 200), (-9, 500)):
                status, answer = server.call("/run/pick", json.dumps({"x": [5, 6], "i": [i]}).encode())
                self.assertEqual(status, wanted, answer)
                if wanted == 200:
                    self.assertEqual(answer, {"y": [5 + i]})
                else:
                    self.assertEqual(answer["code"], "step_failed")
                    self.assertRegex(answer["error"], r'step model: node Gather: indices')
                self.negates(server)
        self.assertEqual(server.process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
