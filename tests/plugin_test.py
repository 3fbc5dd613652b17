"""Plug-ins as their authors meet them: leat is installed, moved elsewhere, and examples/plugin is built
against it by CMake and by pkg-config. Libraries that are wrong are refused, with the place, and
nothing that they do ends the program.

That the same operator, built in and in a plug-in, does the same is test_plugin's.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from leat_process import ENVIRONMENT, PROGRAM, ROOT, Server, leat

BUILD = pathlib.Path(PROGRAM).resolve().parent.parent
CACHE = BUILD / "CMakeCache.txt"
ASAN = CACHE.exists() and "CMAKE_BUILD_TYPE:STRING=asan" in CACHE.read_text()

PIPELINE = """leat: 1
plugin: {plugin}
inputs:
  x: {type}
steps:
  step:
    op: {op}
    inputs: {{ x: x }}
    {more}
outputs:
  y: step.y
"""


def command(*arguments, **more):
    return subprocess.run(list(map(str, arguments)), check=True, capture_output=True, text=True, **more).stdout


class Plugins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not CACHE.exists():
            raise unittest.SkipTest(f"{BUILD} is no build folder")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        command("cmake", "--install", BUILD, "--prefix", cls.folder / "first")
        cls.prefix = cls.folder / "moved"
        (cls.folder / "first").rename(cls.prefix)
        cls.environment = dict(ENVIRONMENT, PKG_CONFIG_PATH=str(cls.prefix / "lib/pkgconfig"))
        flags = command("pkg-config", "--cflags", "--libs", "leat-plugin", env=cls.environment).split()
        command("g++", "-std=c++20", "-shared", ROOT / "tests/plugins/probe.cc", *flags, "-o",
                cls.folder / "libprobe.so")

    def plain(self, name, *defines):
        """tests/plugins/plain.c as NAME, with its -D."""
        command("gcc", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{self.prefix}/include",
                *(f"-D{define}" for define in defines), ROOT / "tests/plugins/plain.c", "-o", self.folder / name)

    def pipeline(self, plugin, op="plain.double", type="FP32[4]", more=""):
        path = self.folder / "pipeline.yaml"
        path.write_text(PIPELINE.format(plugin=plugin, op=op, type=type, more=more))
        return path

    def answer(self, pipeline, program=None):
        program = program or self.prefix / "bin/leat"
        return json.loads(command(program, "run", pipeline, "--input", "x=[1,2,3,4]", env=self.environment))

    # ----- what is installed

    def test_headers_stand_alone(self):
        headers = sorted((self.prefix / "include/leat").glob("*.h"))
        self.assertGreaterEqual(len(headers), 8)
        for header in headers:
            command("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++",
                    f"-I{self.prefix}/include", "-", input=f'#include "leat/{header.name}"\n')
        command("gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-x", "c",
                f"-I{self.prefix}/include", "-", input='#include "leat/plugin.h"\n')

    def test_nothing_names_the_build(self):
        for file in sorted(self.prefix.rglob("*")):
            # With a sanitizer a binary knows its sources.
            if file.is_file() and not file.is_symlink() and not (ASAN and b"ELF" in file.read_bytes()[:4]):
                for path in (str(BUILD), str(ROOT), str(self.folder)):
                    self.assertNotIn(path.encode(), file.read_bytes(), f"{file} names {path}")
        for file in (self.prefix / "bin/leat", self.prefix / "lib/libleat.so"):
            for path in re.findall(r"R(?:UN)?PATH.*\[(.*)\]", command("readelf", "-d", file)):
                for part in path.split(":"):
                    self.assertTrue(part.startswith("$ORIGIN"), f"{file}: {path}")
        for licence in ("LICENSE", "onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"):
            self.assertTrue((self.prefix / "share/doc/leat" / licence).exists(), licence)

    def test_versions(self):
        version = command("pkg-config", "--modversion", "leat", env=self.environment).strip()
        self.assertIn(version, command(self.prefix / "bin/leat", "--version", env=self.environment))
        file = self.folder / "versions/CMakeLists.txt"
        file.parent.mkdir()
        for wanted, found in (("0.1", True), ("0.2", False), ("1", False)):
            file.write_text("cmake_minimum_required(VERSION 3.16)\nproject(p NONE)\n"
                            f"find_package(leat {wanted})\nmessage(STATUS \"found=${{leat_FOUND}}\")\n")
            said = command("cmake", "-S", file.parent, "-B", file.parent / "b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
            self.assertIn(f"found={int(found)}", said)

    def test_example(self):
        example = self.folder / "example"
        shutil.copytree(ROOT / "examples/plugin", example, ignore=shutil.ignore_patterns("build"))
        readme = (example / "README.md").read_text()
        cmake, more = re.findall(r"```sh\n(.*?)```", readme, re.S)
        self.environment["PATH"] = f"{self.prefix}/bin:{self.environment['PATH']}"
        first, *commands = cmake.strip().split("\n")
        self.assertEqual(first, "cd examples/plugin")
        wanted = re.search(r"The answer: `(.*)`", readme)[1]
        for script in (commands[0], more.strip()):
            shutil.rmtree(example / "build", ignore_errors=True)
            script = script.replace("$HOME/leat", str(self.prefix))
            command("sh", "-e", "-c", script, cwd=example, env=self.environment)
            said = command("sh", "-c", commands[1], cwd=example, env=self.environment)
            self.assertEqual(json.loads(said), json.loads(wanted))
        text = (example / "pipeline.yaml").read_text()
        in_process = example / "in_process.yaml"
        in_process.write_text(text.replace("op: mine.scale", "op: mine.scale\n    run_in: process\n"
                                           "    worker: { sandbox: true }"))
        self.assertEqual(self.answer(in_process), json.loads(wanted))
        # The boundary hides all but one function.
        shown = command("nm", "-D", "--defined-only", example / "build/libmine.so")
        self.assertEqual([name for name in shown.split() if "leat" in name], ["leat_plugin_open"])

    def test_embedding(self):
        folder = self.folder / "embed"
        flags = ["-DCMAKE_CXX_FLAGS=-fsanitize=address -fsanitize=undefined"] if ASAN else []
        command("cmake", "-S", ROOT / "examples/embed", "-B", folder, f"-DCMAKE_PREFIX_PATH={self.prefix}", *flags)
        command("cmake", "--build", folder)
        words = self.folder / "words.txt"
        words.write_text("some words")
        pipeline = self.pipeline("libprobe.so", "probe.echo", "BYTES")
        self.assertEqual(command(folder / "embed", pipeline, words, env=self.environment), "some words\n")

    # ----- using one

    def test_verbs(self):
        library = self.folder / "libprobe.so"
        pipeline = self.pipeline("libprobe.so", "probe.echo")
        self.assertIn("probe.echo  Gives what it gets.\n", leat("ops", "--plugin", library).stdout)
        self.assertIn("well, throw", leat("ops", "--plugin", library, "probe.echo").stdout)
        self.assertIn("did you mean probe.echo?", leat("ops", "--plugin", library, "probe.ecco").stderr)
        self.assertIn("there is no such file", leat("ops", "--plugin", "none.so").stderr)
        self.assertIn("sound, 1 step", leat("check", pipeline).stdout)
        self.assertIn("probe.echo", leat("graph", pipeline).stdout)
        schema = json.loads(leat("check", "--schema", "--plugin", library).stdout)
        names = schema["definitions"]["step"]["allOf"][0]["then"]["properties"]["op"]["enum"]
        self.assertIn("probe.echo", names)
        self.assertIn("image.decode", names)
        self.assertIn("plugin", schema["definitions"]["pipeline"]["properties"])

    def test_plain_c(self):
        self.plain("plain.so")
        for more in ("", "run_in: process"):
            self.assertEqual(self.answer(self.pipeline("plain.so", more=more)), {"y": [2, 4, 6, 8]})

    def test_several(self):
        self.plain("plain.so")
        path = self.pipeline("[plain.so, libprobe.so]")
        path.write_text(path.read_text().replace("y: step.y", "y: again.y").replace(
            "outputs:", "  again:\n    op: probe.echo\n    inputs: { x: step.y }\noutputs:"))
        self.assertEqual(self.answer(path), {"y": [2, 4, 6, 8]})

    def test_parameters_are_checked(self):
        done = leat("check", self.pipeline("libprobe.so", "probe.echo", more="params: { how: thow }"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"pipeline.yaml:9:\d+: .*\"thow\" found, well, throw, crash")

    # ----- what is refused

    def refused(self, plugin, message, place="2:9", **more):
        done = leat("check", self.pipeline(plugin, **more))
        self.assertEqual(done.returncode, 1, f"{plugin}: {done.stdout}{done.stderr}")
        lines = done.stderr.strip().split("\n")
        self.assertEqual(len(lines), 1, done.stderr)  # no step is blamed for what is missing
        self.assertRegex(lines[0], f"pipeline.yaml:{place}: " + message)

    def test_libraries_that_are_none(self):
        (self.folder / "text.so").write_text("no library")
        self.refused("none.so", 'plugin: "none.so": there is no such file$')
        self.refused("text.so", 'plugin: "text.so": it is no shared library')
        self.refused("'.'", "plugin: .*: it is no regular file$")
        self.refused("{ a: b }", "plugin: .* found, path, or list of paths wanted$")
        command("gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", self.folder / "other.so", input="int f(void) { return 1; }")
        self.refused("other.so", "plugin: .*: it is no plug-in: it has no function leat_plugin_open")
        command("g++", "-x", "c++", "-", "-o", self.folder / "program", input="int main() {}")
        self.refused("program", "plugin: .*: it cannot be loaded: .*executable")

    def test_libraries_that_are_wrong(self):
        for define, message in (
            ("ABI=2", "it speaks version 2 of the plug-in interface, this program version 1; build it against leat"),
            ("COUNT=0", "it registers no operator"),
            ("COUNT=2", 'operator "plain.double" is registered twice'),
            ("MISSING", "it cannot be loaded: .*this_is_nowhere"),
            ("NOT_OPENED", "no licence"),
            ('NAME="image.decode"', 'operator "image.decode" is built into leat; it needs another name'),
            ('NAME="double"', 'operator "double": a name FAMILY.VERB'),
            ('DOC=""', "it says nothing of what it does"),
            ('SECOND="x"', 'input "x" is there twice'),
            ('SECOND="a b"', 'input "a b": a name of letters'),
            ('TYPE="FP31[4]"', 'input "x": "FP31" is no data type'),
        ):
            with self.subTest(define):
                name = "wrong_" + re.sub(r"\W", "_", define) + ".so"
                self.plain(name, define)
                self.refused(name, f'plugin: "{name}": ' + (".*" if "operator" not in message else "") + message)

    def test_names_that_collide(self):
        self.plain("plain.so")
        self.plain("again.so")
        self.refused("[plain.so, again.so]", 'plugin: "again.so": operator "plain.double" is also one of plain.so',
                     place="2:20")
        self.refused("[plain.so, plain.so]", 'plugin: "plain.so" is named twice', place="2:20")

    def test_what_variables_held_is_not_told(self):
        os.environ["SECRET_FOLDER"] = "hidden"
        done = subprocess.run([PROGRAM, "check", self.pipeline("'${SECRET_FOLDER}/x.so'")], capture_output=True,
                              text=True, env=dict(ENVIRONMENT, SECRET_FOLDER="hidden"))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("hidden", done.stderr)

    def test_operators_that_fail(self):
        for define, message in (("FAILS=1", "it is Monday"), ("FAILS=99", "it is Monday"),
                                ("SILENT", "the plug-in does not say why")):
            name = "fails_" + define.replace("=", "_") + ".so"
            self.plain(name, define)
            for more in ("", "run_in: process"):
                done = leat("run", self.pipeline(name, more=more), "--input", "x=[1,2,3,4]")
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, done.stderr)
        done = leat("check", self.pipeline("libprobe.so", "probe.echo", more="params: { how: not_made }"))
        self.assertRegex(done.stderr, r'pipeline.yaml:7:9: step "step": an exception was thrown: no toner')

    def test_a_server_lives_on(self):
        for more, how, status, message in (
            ("", "throw", 500, "an exception was thrown: out of paper"),
            ("", "refuse", 400, "x: 3 found, 4 wanted"),
            ("run_in: process", "throw", 500, "an exception was thrown: out of paper"),
            ("run_in: process", "refuse", 400, "x: 3 found, 4 wanted"),
            ("run_in: process", "crash", 500, "twice with this item alone"),
        ):
            with self.subTest(f"{more} {how}"):
                pipeline = self.pipeline("libprobe.so", "probe.echo",
                                         more=f"params: {{ how: {how} }}\n    {more}")
                with Server(pipeline, stderr=subprocess.DEVNULL) as server:
                    for _ in range(2):
                        got, answer = server.call("/run/pipeline", b'{"x": [1, 2, 3, 4]}',
                                                  {"Content-Type": "application/json"})
                        self.assertEqual(got, status, answer)
                        self.assertIn(message, answer["error"])
                    self.assertEqual(server.call("/v2/models/pipeline")[0], 200)


if __name__ == "__main__":
    unittest.main()
