"""The program as people type it: exit codes, which stream says what, and that the examples run."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from leat_process import ASSETS, ENVIRONMENT, MODELS, PROGRAM, ROOT, Server, leat

PHOTOS = ASSETS / "images/photo"
HERE = bool(PHOTOS.is_dir())
WHY = f"no assets at {ASSETS}"
VERBS = ["serve", "init", "run", "check", "graph", "ops", "bench"]
EXAMPLES = ["classify", "faces", "things"]
PASS_ON = """
leat: 1
inputs: { x: "FP32[4]", word: { type: BYTES, default: none } }
steps:
  soft: { op: tensor.softmax, inputs: { x: x } }
outputs: { y: soft.y, word: word }
"""


def pipeline_file(folder, text, name="pipeline.yaml"):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


class Exits(unittest.TestCase):
    def test_table(self):
        rows = [  # arguments, exit code, what the first line of standard error says
            (["--version"], 0, None),
            (["--help"], 0, None),
            ([], 2, "a verb is missing"),
            (["cheque", "x"], 2, "no verb"),
            (["run"], 2, "PIPELINE is missing"),
            (["run", "x.yaml", "--traec"], 2, "did you mean --trace"),
            (["serve", "x.yaml", "--http", "70000"], 2, "from 0 to 65535"),
            (["graph", "x.yaml", "--format", "png"], 2, "mermaid, dot or svg"),
            (["check", "gone.yaml"], 1, "gone.yaml"),
            (["run", "gone.onnx"], 1, "gone.onnx"),
            (["init", "README.md"], 1, ""),
            (["ops", "image.nothing"], 1, "image.nothing"),
            (["graph", "x.yaml", "--output", "x.png"], 1, "none of .mmd"),
            (["check", "README.md"], 1, "is a text file; this build runs ONNX models"),
            (["check", "src"], 1, "is a directory; name a model file in it"),
            (["serve", "src", "--http", "0", "--metrics", "0"], 1, "nothing to serve; wanted are"),
            (["bench", "--url", "http://127.0.0.1:1/run/x", "--input", "@Makefile"], 1, "connect"),
        ]
        for arguments, code, said in rows:
            with self.subTest(arguments):
                done = leat(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                if said is None:
                    self.assertEqual(done.stderr, "")
                    self.assertNotEqual(done.stdout, "")
                else:
                    self.assertIn(said, done.stderr.split("\n")[0])
                    self.assertEqual(done.stdout, "")

    def test_a_full_disk_is_told(self):
        if not pathlib.Path("/dev/full").exists():
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "ops"], stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)

    def test_every_mistake_has_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pipeline_file(folder, PASS_ON.replace("x: x", "x: z").replace("soft.y", "soft.yy"))
            done = leat("check", path)
        self.assertEqual(done.returncode, 1)
        lines = done.stderr.strip().split("\n")
        self.assertEqual(len(lines), 2, done.stderr)
        for line in lines:
            self.assertRegex(line, r"pipeline\.yaml:\d+:\d+: ")


class Small(unittest.TestCase):
    """Pipelines without models."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pipeline_file(self.folder.name, PASS_ON)

    def tearDown(self):
        self.folder.cleanup()

    def test_run(self):
        numbers = pathlib.Path(self.folder.name) / "x.json"
        numbers.write_text("[0, 0, 0, 0]\n")
        for arguments in (["--input", "x=[0, 0, 0, 0]"], ["--input", f"x=@{numbers}"]):
            answer = leat("run", self.path, *arguments)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertEqual(json.loads(answer.stdout), {"y": [0.25] * 4, "word": "none"})
        answer = leat("run", self.path, "--input", "x=[1,1,1,1]", "--input", "word=a=b")
        self.assertEqual(json.loads(answer.stdout)["word"], "a=b")

    def test_run_traces_and_shows(self):
        answer = leat("run", self.path, "--input", "x=[0,0,0,0]", "--trace", "--show", "soft.y")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(json.loads(answer.stdout)["soft_y"], [0.25] * 4)
        self.assertRegex(answer.stderr, r"(?m)^ +\d+ +\d+ +\d+ +- +1  soft$")
        flow = PASS_ON.replace("outputs: { y: soft.y, word: word }", "outputs:\n  y: soft.y\n  word: word")
        block = pipeline_file(self.folder.name, flow, "block.yaml")
        answer = leat("run", block, "--input", "x=[0,0,0,0]", "--show", "soft.y")
        self.assertEqual(json.loads(answer.stdout)["soft_y"], [0.25] * 4)
        wrong = leat("run", self.path, "--input", "x=[0,0,0,0]", "--show", "soft.z")
        self.assertEqual(wrong.returncode, 1)
        self.assertEqual(wrong.stderr, '--show: step "soft" has no output "z"; did you mean y?\n')

    def test_run_says_what_is_missing(self):
        one = pipeline_file(self.folder.name, PASS_ON.replace("{ type: BYTES, default: none }", "BYTES")
                            .replace('x: "FP32[4]", ', "").replace("x: x", "x: { value: [1.0, 2.0] }"))
        for arguments, said in [([], "--input NAME=@FILE gives an input"),
                                (["--input", "wrod=@Makefile"], 'no input "wrod"; allowed: word')]:
            answer = leat("run", one, *arguments)
            self.assertEqual(answer.returncode, 1, answer.stdout)
            self.assertIn(said, answer.stderr.split("\n")[0])

    def test_serve_says_which_port_is_taken(self):
        with Server(self.path) as server:
            for flag in ("--http", "--metrics"):
                port = server.url.rsplit(":", 1)[1]
                flags = {"--http": "0", "--metrics": "0", flag: port}
                second = leat("serve", self.path, *(word for pair in flags.items() for word in pair))
                self.assertEqual(second.returncode, 1)
                self.assertRegex(second.stderr, f"^(metrics: )?cannot listen on 127.0.0.1 port {port}: "
                                 "Address already in use; choose another port, or 0 for any free one$")

    def test_run_says_which_input_is_wrong(self):
        rows = [("x=[1]", "x"), ("x=[1,", "--input x=[1,: x takes FP32[4] as JSON: "),
                ("z=1", '"z"'), ("x=@gone", "gone: cannot be read: No such file"),
                ("x=@src", "src: is a directory"), ("word", "NAME=VALUE"),
                ("word=Makefile", "@Makefile sends what is in the file")]
        for value, said in rows:
            answer = leat("run", self.path, "--input", value)
            self.assertEqual(answer.returncode, 1, answer.stdout)
            self.assertIn(said, answer.stderr.split("\n")[0])

    def test_check_and_graph(self):
        checked = leat("check", self.path)
        self.assertIn("x     FP32[4]", checked.stdout)
        self.assertIn("word  BYTES, optional", checked.stdout)
        for kind, said in [("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg")]:
            to_file = pathlib.Path(self.folder.name) / f"drawn.{kind}"
            done = leat("graph", self.path, "--format", kind)
            self.assertIn(said, done.stdout)
            self.assertIn("tensor.softmax", done.stdout)
            leat("graph", self.path, "--format", kind, "--output", to_file)
            self.assertEqual(to_file.read_text(), done.stdout)

    def test_what_variables_held_is_not_shown(self):
        secret = PASS_ON.replace("op: tensor.softmax", 'when: "\'${WORD}\' != word", op: tensor.softmax')
        path = pipeline_file(self.folder.name, secret)
        ENVIRONMENT["WORD"] = "hush-hush"
        try:
            for kind in ["mermaid", "dot", "svg"]:
                done = leat("graph", path, "--format", kind)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("WORD", done.stdout)
                self.assertNotIn("hush", done.stdout)
        finally:
            del ENVIRONMENT["WORD"]

    def test_bench_scenarios_here_and_over_http(self):
        figures = pathlib.Path(self.folder.name) / "figures.json"
        common = ["--duration", "200ms", "--warm-up", "10ms", "--json", figures,
                  "--input", "x=[1,2,3,4]", "--input", "x=[4,3,2,1]", "--input", "word=a"]
        with Server(self.path) as server:
            metrics = f"http://127.0.0.1:{server.metrics_port}/metrics"
            url = ["--url", f"{server.url}/run/pipeline", "--metrics-url", metrics]
            for target in ([self.path], url):
                for scenario in (["single-stream"], ["single-stream", "--callers", "3"],
                                 ["server", "--rate", "200", "--latency-bound", "10s"],
                                 ["offline", "--callers", "8"]):
                    with self.subTest(target=target, scenario=scenario):
                        done = leat("bench", *target, "--scenario", *scenario, *common)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        got = json.loads(figures.read_text())
                        self.assertEqual(got["errors"], {})
                        self.assertEqual(got["calls"], got["succeeded"])
                        self.assertGreater(got["calls"], 2)
                        steps = {step["step"]: step["runs"] for step in got["steps"]}
                        self.assertEqual(steps, {"soft": got["calls"]})
                        self.assertGreater(got["cpu_seconds"], 0)
                        if scenario[0] == "server":
                            self.assertTrue(got["bound_held"])

    def test_bench_counts_errors_by_code(self):
        failing = pipeline_file(self.folder.name, PASS_ON.replace("leat: 1", "leat: 1\ntimeout: 1us"))
        done = leat("bench", failing, "--input", "x=[1,2,3,4]", "--duration", "10ms")
        self.assertEqual(done.returncode, 1)
        self.assertIn("deadline", done.stderr)

    def test_serve_reads_its_settings(self):
        config = pathlib.Path(self.folder.name) / "serve.yaml"
        config.write_text("body-limit: 1KiB\n")
        with Server(self.path, "--config", config) as server:
            status, _ = server.call("/run/pipeline", json.dumps({"x": [0] * 2000}).encode(),
                                    {"Content-Type": "application/json"})
            self.assertEqual(status, 413)
            status, answer = server.call("/run/pipeline", b'{"x": [0, 0, 0, 0]}',
                                         {"Content-Type": "application/json"})
            self.assertEqual((status, answer["y"]), (200, [0.25] * 4))
        self.assertEqual(server.process.returncode, 0)


@unittest.skipUnless(HERE, WHY)
class Models(unittest.TestCase):
    def test_what_init_writes_loads(self):
        wrong = []
        for model in sorted(MODELS.glob("*.onnx")):
            with self.subTest(model.name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "made.yaml"
                made = leat("init", model, "--output", path)
                if made.returncode == 0:
                    self.assertIn(f"leat check {path}", made.stdout)
                    self.assertIn("is there already", leat("init", model, "--output", path).stderr)
                bare = leat("check", model)
                self.assertEqual(made.returncode, bare.returncode, made.stderr)
                if made.returncode:
                    wrong.append(model.name)
                    continue
                checked = leat("check", path)
                self.assertEqual(checked.returncode, 0, checked.stderr)
                self.assertIn("sound", checked.stdout)
        # Models that cannot be loaded at all: without an opset, or with outputs that are maps.
        self.assertEqual(wrong, ["neg_super_resolution_no_opset.onnx", "rf_iris.onnx",
                                 "sk_pipeline_titanic.onnx", "sk_pipeline_xgboost.onnx"])

    def test_what_init_writes_classifies(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "made.yaml"
            leat("init", MODELS / "mobilenetv2-12-int8.onnx", "--output", path)
            done = leat("run", path, "--input", f"@{PHOTOS / 'ovms_snail.jpeg'}")
        answer = json.loads(done.stdout)
        self.assertEqual(answer["classes"][0], 113)  # snail
        self.assertLessEqual(sum(answer["scores"]), 1.0001)

    def test_examples_check_and_draw(self):
        for example in EXAMPLES:
            path = ROOT / "examples" / example / "pipeline.yaml"
            self.assertEqual(leat("check", path).returncode, 0)
            drawn = leat("graph", path, "--format", "svg").stdout
            self.assertNotIn(str(MODELS), drawn)
            self.assertIn(".onnx<", drawn)

    def test_the_models_that_examples_need_are_told(self):
        readme = (ROOT / "examples/README.md").read_text()
        told = {name: sha for sha, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", readme, re.M)}
        for name, sha in told.items():
            self.assertEqual(hashlib.sha256((MODELS / name).read_bytes()).hexdigest(), sha, name)
            self.assertIn(f"\n| `{name}` |", readme, "its origin")
        needed = set()
        for example in ROOT.glob("examples/*/pipeline.yaml"):
            text = example.read_text()
            needed.update(re.findall(r"\$\{LEAT_MODELS:-[^}]*\}/([\w.-]+)", text))
        self.assertEqual(needed, set(told))

    def test_examples_of_the_help_run(self):
        """But for servers, addresses and plug-ins (plugin_test.py), every line under "Example:" works as it stands."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "examples").symlink_to(ROOT / "examples")
            (folder / "model.onnx").symlink_to(MODELS / "mobilenetv2-12-int8.onnx")
            (folder / "photo.jpg").symlink_to(PHOTOS / "ovms_snail.jpeg")
            (folder / "photos").mkdir()
            (folder / "photos/a.jpg").symlink_to(PHOTOS / "ovms_snail.jpeg")
            ran = 0
            for verb in VERBS:
                help_text = leat(verb, "--help").stdout
                lines = help_text.split("Example:\n")[1].strip().split("\n")
                for line in (line.strip() for line in lines):
                    self.assertTrue(line.startswith(f"leat {verb}"), line)
                    if verb == "serve" or "--url" in line or "--plugin" in line:
                        continue
                    line = re.sub("^leat", f"'{PROGRAM}'", line)
                    if verb == "bench":
                        line = re.sub("--duration 5s", "", line) + " --duration 200ms --warm-up 1ms"
                    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True,
                                          env=ENVIRONMENT)
                    self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")
                    ran += 1
        self.assertGreaterEqual(ran, 10)

    def test_embedding(self):
        program = os.environ.get("LEAT_EMBED", str(ROOT / "build/release/bin/embed"))
        if not pathlib.Path(program).exists():
            self.skipTest(f"{program} has not been built")
        done = subprocess.run(
            [program, ROOT / "examples/classify/pipeline.yaml", PHOTOS / "ovms_snail.jpeg"],
            capture_output=True, text=True, env=ENVIRONMENT)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.strip().split("\n")
        self.assertEqual(len(lines), 5)
        self.assertIn("snail", lines[0])


if __name__ == "__main__":
    unittest.main()
