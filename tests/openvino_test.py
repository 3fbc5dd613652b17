"""Models run by OpenVINO: the step's `runtime`, with batches and padding, beside ONNX Runtime and in a
process; OpenVINO's own files, served as they are, from a repository and by `leat init`; refusals."""

import concurrent.futures
import json
import pathlib
import tempfile
import unittest

from leat_process import MODELS, Server, leat
from tiny_onnx import FP32, model

ROWS = (FP32, ["n", "t"])
SHAPE = "<dim>-1</dim><dim>3</dim></port>"
RELU = f"""<?xml version="1.0"?>
<net name="relu" version="11"><layers>
<layer id="0" name="in" type="Parameter" version="opset1"><data shape="?,3" element_type="f32"/>
<output><port id="0" precision="FP32" names="x">{SHAPE}</output></layer>
<layer id="1" name="relu" type="ReLU" version="opset1"><input><port id="0" precision="FP32">{SHAPE}</input>
<output><port id="1" precision="FP32" names="y">{SHAPE}</output></layer>
<layer id="2" name="out" type="Result" version="opset1"><input><port id="0" precision="FP32">{SHAPE}</input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges></net>
"""
PIPELINE = """leat: 1
name: both
inputs: { x: "FP32[?]" }
steps:
  here:
    model: neg.onnx
    runtime: openvino
    inputs: { x: x }
    batch: { max: 4, delay: 5ms }
    pad: { port: x, to: { multiple: 4 } }
    trim: { port: y }
  there:
    model: neg.onnx
    runtime: onnxruntime
    inputs: { x: here.y }
    batch: { max: 4 }
  apart:
    model: neg.onnx
    runtime: openvino
    run_in: process
    worker: { sandbox: true }
    inputs: { x: there.y }
outputs: { once: here.y, twice: there.y, thrice: apart.y }
"""


class OpenVino(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "neg.onnx").write_bytes(model("Neg", {"x": ROWS}, {"y": ROWS}))

    def test_a_step(self):
        path = self.folder / "both.yaml"
        path.write_text(PIPELINE)
        with Server(path) as server:

            def call(number):
                x = [number + i / 8 for i in range(1 + number % 7)]
                negated = [-value for value in x]
                answer = server.call("/run/both", json.dumps({"x": x}).encode())
                self.assertEqual(answer, (200, {"once": negated, "twice": x, "thrice": negated}))

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(call, range(100)))
        self.assertEqual(server.process.returncode, 0)

    def test_files_of_its_own(self):
        version = self.folder / "repository/kept/3"
        version.mkdir(parents=True)
        for path in (self.folder / "relu", version / "model"):
            path.with_suffix(".xml").write_text(RELU)
            path.with_suffix(".bin").write_bytes(b"")
        with Server(self.folder / "relu.xml", version.parent.parent) as server:
            for name, number in (("relu", "1"), ("kept", "3")):
                status, said = server.call(f"/v2/models/{name}")
                self.assertEqual((status, said["platform"], said["versions"]), (200, "OpenVINO", [number]))
                self.assertEqual(said["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}])
                answer = server.call(f"/run/{name}", json.dumps({"x": [[1, -2, 3]]}).encode())
                self.assertEqual(answer, (200, {"y": [[1, 0, 3]]}))
        drafted = self.folder / "drafted.yaml"
        self.assertEqual(leat("init", self.folder / "relu.xml", "--output", drafted).returncode, 0)
        checked = leat("check", drafted)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("relu.xml: x FP32[3] -> y FP32[3]", checked.stdout)

    def test_an_xml_that_is_no_model(self):
        (self.folder / "pom.xml").write_text("<?xml version='1.0'?><project/>")
        with Server(self.folder) as server:  # not taken for one
            self.assertEqual(server.call("/v2/models/neg")[0], 200)
        said = leat("check", self.folder / "pom.xml")
        self.assertIn("pom.xml: is an XML file; this build runs", said.stderr)

    def refusal(self, file):
        path = self.folder / "refused.yaml"
        path.write_text('leat: 1\ninputs: { x: "FP32[3,224,224]" }\nsteps:\n  s: { runtime: openvino, '
                        f"model: {file}, inputs: {{ input: x }} }}\noutputs: {{ y: s.output }}\n")
        said = leat("check", path)
        self.assertEqual((said.returncode, said.stderr.count("\n")), (1, 1), said.stderr)
        self.assertIn(f"{path}:4:34: model: ", said.stderr)
        return said.stderr

    def test_what_it_cannot_convert(self):
        (self.folder / "odd.onnx").write_bytes(model("Frobnicate", {"x": ROWS}, {"y": ROWS}))
        self.assertIn("OpenVINO cannot convert it: No conversion rule found for operations: Frobnicate-13; without "
                      "`runtime: openvino`, ONNX Runtime may run it", self.refusal(self.folder / "odd.onnx"))

    @unittest.skipUnless(MODELS.exists(), f"no models at {MODELS}")
    def test_a_quantised_model(self):
        self.assertIn("Conversion is failed for: QLinearConv-12", self.refusal(MODELS / "mobilenetv2-12-int8.onnx"))


if __name__ == "__main__":
    unittest.main()
