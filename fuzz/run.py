"""Runs the fuzzers that `make fuzz` builds, and hands it its arguments. Seeds come from here and from
the tests' files; corpora, findings and reports lie in build/fuzz.

  make fuzz                                every fuzzer for 60 s; what it finds fails the run
  make F="--seconds 600 json image" fuzz   those with one of the words in their names, ten minutes
  make F=--planted fuzz                    each must find the bug planted in NAME_planted in 60 s
  make F=--coverage fuzz                   which lines of the code under test the corpora reach
"""

import argparse
import io
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
from tiny_onnx import FP32, INT64, model  # noqa: E402
TREE = ROOT / "build/fuzz"

# The code under test of each fuzzer.
UNDER_TEST = {
    "document_fuzz": ["src/pipeline/document.cc", "src/pipeline/compile*.cc", "src/pipeline/params.cc",
                      "src/pipeline/constant.cc", "src/pipeline/reference.cc",
                      "src/pipeline/model_ports.cc", "src/pipeline/mistakes.cc"],
    "expression_fuzz": ["src/pipeline/expression.cc"],
    "parser_fuzz": ["src/serve/http/parser.cc", "src/serve/http/request_head.cc"],
    "binary_fuzz": ["src/serve/protocol/binary.cc"],
    "infer_json_fuzz": ["src/serve/protocol/infer_*.cc", "src/serve/protocol/run_*.cc",
                        "src/serve/protocol/json*.cc", "src/serve/protocol/multipart.cc",
                        "src/serve/protocol/base64.cc"],
    "inflate_fuzz": ["src/serve/http/inflate.cc"],
    "model_file_fuzz": ["src/model/onnx/model_file.cc"],
    "worker_fuzz": ["src/worker/reply.cc", "src/worker/wire.cc"],
    "image_fuzz": ["src/codec/image/*_read.cc", "src/codec/image/image.cc", "src/codec/image/exif.cc",
                   "src/codec/image/sniff.cc", "src/codec/image/upright.cc",
                   "src/codec/image/shrink.cc", "src/codec/image/jpeg_huffman.cc",
                   "src/codec/image/lzw.cc", "src/codec/image/tiff_samples.cc"],
}

EXPRESSIONS = [
    "size(a.x) == 0 or not present(b)", "max(a) > 1.5 and x[0] <= -2", "any(a) or all(b.c)",
    "7 % 2 == 1", "'text' != t", "(a + 2) * -b / 3 >= min(c)", 'rec["scale.0"] < 1e9', "true",
]
REQUESTS = [
    "GET /v2/models/a?timeout=5ms HTTP/1.1\r\nHost: h\r\nX-Request-Id: 7\r\n\r\n",
    "POST /run/a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    "POST /run/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n",
    "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n",
]
INFER = ('{"id":"a","parameters":{"timeout":5,"priority":1},"inputs":[{"name":"x","shape":[2],'
         '"datatype":"FP32","data":[1,-2.5]},{"name":"b","shape":[1],"datatype":"BYTES",'
         '"data":["t"]}],"outputs":[{"name":"x","parameters":{"binary_data":false}}]}')
BINARY = ('{"inputs":[{"name":"x","shape":[1,2],"datatype":"UINT16","parameters":'
          '{"binary_data_size":4}}],"parameters":{"binary_data_output":true}}~abcd')
FORM = ('--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n[1,2]\r\n--B\r\n'
        'Content-Disposition: form-data; name=b; filename="f"\r\n\r\nfile\r\n--B--\r\n')


def pictures():
    from PIL import Image  # of build/deps/venv
    whole = Image.linear_gradient("L").resize((128, 96)).convert("RGB")
    small = whole.resize((13, 9))
    exif = Image.Exif()
    exif[0x0112] = 3
    for image, kind, options in [
        (whole, "JPEG", {"exif": exif}), (small, "JPEG", {"progressive": True}),
        (small.convert("L"), "JPEG", {}), (small.convert("CMYK"), "JPEG", {}),
        (small, "PNG", {}), (small.convert("P"), "PNG", {"exif": exif}),
        (small.convert("LA"), "PNG", {}), (small.convert("I;16"), "PNG", {}),
        (small.convert("1"), "PNG", {}), (small, "WebP", {}), (small, "WebP", {"lossless": True}),
        (small.convert("RGBA"), "WebP", {"exif": exif}),
        (small, "WebP", {"save_all": True, "append_images": [small.rotate(90)]}),
        (small, "GIF", {}), (small, "GIF", {"interlace": 0, "transparency": 2}),
        (small.convert("1"), "BMP", {}), (small.convert("P"), "BMP", {}), (small, "BMP", {}),
        (small.convert("RGBA"), "BMP", {}),
        *((small.convert(mode), "TIFF", {"compression": kind, "tiffinfo": {274: 5}}) for mode, kind in [
            ("1", "group3"), ("1", "group4"), ("L", "raw"), ("P", "tiff_lzw"), ("RGB", "tiff_lzw"),
            ("RGB", "jpeg"), ("YCbCr", "jpeg"), ("YCbCr", "tiff_deflate"), ("RGBA", "packbits"),
            ("CMYK", "zstd"), ("I;16", "raw")]),
    ]:
        out = io.BytesIO()
        image.save(out, kind, **options)
        yield out.getvalue()


def tensor(whose, dtype, dims, offset, length, arena=0):
    """As a worker tells of one: TensorWire in src/worker/wire.h."""
    return struct.pack("<BBBBiiIQQQ8q", whose, dtype, len(dims), 0, 0, 0, arena, offset, length,
                       offset, *dims, *[0] * (8 - len(dims)))


def reply(text, tensors):
    """A worker's answer, src/worker/reply.h, behind the four bytes that the fuzzer reads first."""
    body = struct.pack("<IIQ", 8 if text else 0, len(tensors), len(text)) + b"".join(tensors) + text
    return struct.pack("<BBH", 0, 0, len(body)) + body


def seeds(name):
    if name == "document_fuzz":
        for folder in ("tests/pipelines", "tests/bad_pipelines"):
            for path in sorted((ROOT / folder).iterdir()):
                yield path.read_bytes()
    elif name == "expression_fuzz":
        yield from (text.encode() for text in EXPRESSIONS)
    elif name == "parser_fuzz":
        yield from (b"\x05" + text.encode() for text in REQUESTS)
        yield b"\x40" + "".join(REQUESTS[:2]).encode()
    elif name == "binary_fuzz":
        yield b"\x0b\x01\x02\x03" + b"\2\0\0\0hi\2\0\0\0yo"  # BYTES[2]
        yield b"\x0a\x02\x05\x00" + bytes(16)
    elif name == "infer_json_fuzz":
        yield b"\x00" + INFER.encode()
        yield b"\x40" + BINARY.encode()
        yield b"\x81" + b'{"x":[[1,2],[3,4.5]],"b":{"b64":"//4="}}'
        yield b"\x82" + FORM.encode()
    elif name == "inflate_fuzz":
        text = b"abc" * 40 + bytes(range(60))
        for bits in (31, 15, -15):  # gzip, zlib, bare
            packer = zlib.compressobj(wbits=bits)
            yield b"\0" + packer.compress(text) + packer.flush()
    elif name == "model_file_fuzz":
        yield model("Gather", {"x": (FP32, ["n", 4]), "i": (INT64, ["m"])}, {"y": (FP32, ["n", "m"])})
    elif name == "worker_fuzz":
        yield reply(b"no", [])
        yield reply(b"", [tensor(2, 11, [2, 3], 1024, 24), tensor(1, 1, [8], 8, 8), bytes(104)])
        yield reply(b"", [tensor(1, 1, [4, 4], 160, 16, arena=7)])
        yield reply(b"", [tensor(2, 13, [2], 512, 32), tensor(2, 13, [], 640, 5)])
        yield reply(b"", [tensor(2, 6, [2, 2], 512, 8), tensor(2, 12, [], 640, 8)])
    elif name == "image_fuzz":
        yield from pictures()


def fuzzers(words):
    listed = {path.stem for path in (ROOT / "src").rglob("*_fuzz.cc")}
    if listed != UNDER_TEST.keys():
        sys.exit(f"fuzz/run.py: {listed ^ UNDER_TEST.keys()} is a fuzzer or in UNDER_TEST, not both")
    names = [name for name in UNDER_TEST if not words or any(word in name for word in words)]
    if not names:
        sys.exit(f"fuzz/run.py: no fuzzer is named like {' or '.join(words)}; "
                 f"there are {', '.join(UNDER_TEST)}")
    return names


def run(name, corpus, seconds):
    """Seconds until a finding, or None."""
    folders = [TREE / "seeds" / name.removesuffix("_planted"), TREE / "findings"]
    for folder in (corpus, *folders):
        folder.mkdir(parents=True, exist_ok=True)
    words = set()
    for i, seed in enumerate(seeds(name.removesuffix("_planted"))):
        (folders[0] / f"seed{i}").write_bytes(seed)
        words.update(re.findall(rb"[A-Za-z_-]{2,}[(:]?|[-+*/%<>=!]=?", seed))
    dictionary = folders[0].with_suffix(".dict")
    dictionary.write_text("".join(f'"{word.decode()}"\n' for word in sorted(words)))
    begin = time.monotonic()
    with open(TREE / f"{name}.log", "w") as log:
        done = subprocess.run(
            [TREE / "bin" / name, f"-max_total_time={seconds}", "-timeout=30", "-max_len=4096", f"-dict={dictionary}",
             f"-artifact_prefix={TREE}/findings/{name}-", corpus, folders[0]],
            cwd=ROOT, stdout=log, stderr=log,
            env=dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1"))
    return None if done.returncode == 0 else time.monotonic() - begin


def clean(names, seconds):
    found = 0
    for name in names:
        at = run(name, TREE / "corpus" / name, seconds)
        lines = (TREE / f"{name}.log").read_text(errors="replace").splitlines()
        done = next((line for line in reversed(lines) if "DONE" in line or "Done" in line), "")
        print(f"{name}: " + (f"clean; {done}" if at is None else
                             f"FOUND after {at:.0f} s, see build/fuzz/{name}.log"), flush=True)
        found += at is not None
    return found


def planted(names):
    missed = 0
    for name in names:
        corpus = TREE / "planted" / name
        shutil.rmtree(corpus, ignore_errors=True)  # from the seeds alone
        at = run(f"{name}_planted", corpus, 60)
        print(f"{name}: " + (f"found after {at:.1f} s" if at else "NOT FOUND in 60 s"), flush=True)
        missed += at is None
    return missed


def coverage(names):
    print("| fuzzer | code under test | lines reached |\n|---|---|---|")
    for name in names:
        program, profile = TREE / "bin" / name, TREE / f"{name}.profdata"
        folders = [TREE / kind / name for kind in ("corpus", "seeds")]
        raw = profile.with_suffix(".profraw")
        subprocess.run([program, "-runs=0", *folders], cwd=ROOT, check=True,
                       stderr=subprocess.DEVNULL, env=dict(os.environ, LLVM_PROFILE_FILE=str(raw)))
        subprocess.run(["llvm-profdata-16", "merge", "-o", profile, raw], check=True)
        files = {str(path) for pattern in UNDER_TEST[name] for path in ROOT.glob(pattern)
                 if not path.stem.endswith(("_test", "_fuzz"))}
        report = subprocess.run(["llvm-cov-16", "export", "-summary-only", program,
                                 f"-instr-profile={profile}", *files],
                                check=True, capture_output=True, text=True).stdout
        lines = json.loads(report)["data"][0]["totals"]["lines"]
        said = ", ".join(f"`{pattern}`" for pattern in UNDER_TEST[name])
        print(f"| `{name}` | {said} | {lines['covered']} of {lines['count']}, "
              f"{lines['percent']:.0f}% |", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--seconds", type=int, default=60)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--planted", action="store_true")
    mode.add_argument("--coverage", action="store_true")
    arguments = parser.parse_args()
    names = fuzzers(arguments.words)
    if arguments.planted:
        sys.exit(planted(names) > 0)
    if arguments.coverage:
        sys.exit(coverage(names))
    sys.exit(clean(names, arguments.seconds) > 0)


if __name__ == "__main__":
    main()
