"""The server under sixteen mixed clients, who know for every answer what it must be: good requests of
every form beside bad ones, slow ones, and clients that leave; at the end SIGTERM under load.

LEAT_MIXED_SECONDS=60 keeps them at it for so long; without it each client goes round once. Built with
a sanitizer, the program fails by its exit code.
"""

import base64
import gzip
import json
import math
import os
import pathlib
import random
import signal
import socket
import struct
import sys
import tempfile
import threading
import traceback
import unittest
import zlib

from leat_process import Server
from tiny_onnx import FP32, model

SECONDS = float(os.environ.get("LEAT_MIXED_SECONDS", "0"))
CLIENTS = 16
BODY_LIMIT = 1 << 20

ROWS = (FP32, ["n", 4])  # of the only model, which negates them

SUMS = """
leat: 1
inputs: { x: "FP32[4]", list: { type: "FP32[?,4]", default: [[0, 0, 0, 1]] } }
steps:
  minus: { model: models/minus.onnx, inputs: { x: x }, batch: { max: 8, delay: 1ms } }
  each: { for_each: list, model: models/minus.onnx, inputs: { x: list }, batch: { max: 8, delay: 1ms } }
  soft: { op: tensor.softmax, inputs: { x: each.y } }
outputs: { minus: minus.y, soft: soft.y }
"""
MANY = """
leat: 1
batched: true
inputs: { x: "FP32[4]" }
steps: { minus: { model: models/minus.onnx, inputs: { x: x } } }
outputs: { y: minus.y }
"""
PICTURE = """
leat: 1
inputs: { photo: BYTES }
steps:
  decode: { op: image.decode, inputs: { data: photo } }
  tensor: { op: image.to_tensor, inputs: { image: decode.image }, params: { width: 8, height: 6, fit: stretch } }
  copy: { op: image.encode, inputs: { image: decode.image }, params: { format: JPEG, max_side: 64 } }
outputs: { tensor: tensor.tensor, copy: copy.data }
"""


# ----- pictures of one colour

def png(width, height, colour):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes(colour) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# ----- HTTP by hand

class Gone(Exception):
    """The connection ended before a whole answer."""


def request(path, body=b"", fields=(), verb="POST"):
    head = [f"{verb} {path} HTTP/1.1", "Host: h", *fields]
    if verb == "POST":
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.data = b""

    def send(self, data):
        self.socket.sendall(data)

    def until(self, found):
        while not found():
            more = self.socket.recv(1 << 16)
            if not more:
                raise Gone
            self.data += more

    def reply(self):
        """(status, fields, body)"""
        self.until(lambda: b"\r\n\r\n" in self.data)
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(fields.get("content-length", 0))
        self.until(lambda: len(self.data) >= length)
        body, self.data = self.data[:length], self.data[length:]
        if fields.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return int(status.split()[1]), fields, body

    def ask(self, data):
        self.send(data)
        return self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


# ----- the kinds of clients

JSON = "Content-Type: application/json"
DEEP = b"[" * 1_000_000
SLOW = png(1500, 1500, (9, 9, 9))
GOOD_INFER = '{"inputs":[{"name":"x","shape":[4],"datatype":"FP32","data":[1,2,3,4]}]}'
BAD = [  # request, status, code
    (request("/v2/models/sums/infer", b""), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER[:-9].encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER.replace("1,2", "NaN,2").encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER.replace("1,2", '"1",2').encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER.replace("[4]", "[5]").encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER.replace("FP32", "INT8").encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", GOOD_INFER.replace('"x"', '"z"').encode()), 400, "bad_input"),
    (request("/v2/models/sums/infer", DEEP), 400, "bad_input"),
    (request("/v2/models/sums/infer", b"{}", ["Inference-Header-Content-Length: 9"]), 400, "bad_input"),
    (request("/v2/models/nothing/infer", GOOD_INFER.encode()), 404, "not_found"),
    (request("/v2/models/sums/infer", verb="GET"), 405, "method_not_allowed"),
    (request("/run/sums", b'{"x":[1,2]}', [JSON]), 400, "bad_input"),
    (request("/run/picture", b""), 400, "bad_input"),
    (request("/run/picture", b"no picture"), 415, "bad_media"),
    (request("/run/picture", png(40, 30, (1, 2, 3))[:45]), 415, "bad_media"),  # no row of it
    (request("/run/picture", png(40, 30, (1, 2, 3)), ["Content-Encoding: gzip"]), 400, "bad_input"),
    (request("/run/picture", gzip.compress(bytes(8 * BODY_LIMIT)), ["Content-Encoding: gzip"]), 413,
     "too_large"),
    (b"POST /run/picture HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413, "too_large"),
    (b"POST /run/picture HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_input"),
    (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 431, "too_large"),
    (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "bad_input"),
]


def minus(numbers):
    return [-x for x in numbers]


class Client(threading.Thread):
    def __init__(self, test, number):
        super().__init__()
        self.test, self.number = test, number
        self.dice = random.Random(number)
        self.connection = None  # kept from one request to the next

    def run(self):
        kinds = [getattr(self, name) for name in dir(Client) if name.startswith("does_")]
        while True:
            self.dice.shuffle(kinds)
            for kind in kinds:
                if self.test.stopped.is_set():
                    return self.leave()
                try:
                    kind()
                except (Gone, OSError):  # only a server that stops may end a connection
                    self.leave()
                    if not self.test.stopping.is_set():
                        self.test.say(traceback.format_exc())
                except Exception:
                    self.test.say(traceback.format_exc())
            self.test.went_round(self.number)

    def open(self):
        if self.connection is None:
            self.connection = Connection(self.test.port)
        return self.connection

    def leave(self):
        if self.connection is not None:
            self.connection.socket.close()
        self.connection = None

    def alone(self, data, port=None):
        """What a connection of its own is answered."""
        with Connection(port or self.test.port) as connection:
            try:
                connection.send(data)
            except OSError:
                pass  # refused before all was sent: the answer is there
            return connection.reply()

    def numbers(self):
        return [self.dice.randrange(-64, 64) / 4 for _ in range(4)]

    def good(self, reply):
        status, fields, body = reply
        if status == 503 and self.test.stopping.is_set():
            raise Gone
        assert status == 200, (status, body[:300])
        if fields.get("connection") == "close":
            self.leave()
        self.test.answers[self.number] += 1
        return json.loads(body) if fields["content-type"] == "application/json" else body

    def does_infer_json(self):
        x = self.numbers()
        body = {"id": str(x), "inputs": [{"name": "x", "shape": [4], "datatype": "FP32", "data": x}],
                "outputs": [{"name": "minus"}]}
        answer = self.good(self.open().ask(request("/v2/models/sums/infer", json.dumps(body).encode())))
        assert answer["id"] == str(x) and answer["outputs"][0]["data"] == minus(x), answer

    def does_infer_binary(self):
        items = [self.numbers() for _ in range(self.dice.randrange(1, 40))]
        data = b"".join(struct.pack("<4f", *x) for x in items)
        head = json.dumps({
            "inputs": [{"name": "x", "shape": [len(items), 4], "datatype": "FP32",
                        "parameters": {"binary_data_size": len(data)}}],
            "parameters": {"binary_data_output": True}}).encode()
        said = f"Inference-Header-Content-Length: {len(head)}"
        status, fields, body = self.open().ask(request("/v2/models/many/infer", head + data, [said]))
        answer = self.good((status, {**fields, "content-type": ""}, body))
        answer = answer[int(fields["inference-header-content-length"]):]
        wanted = [-number for x in items for number in x]
        assert list(struct.unpack(f"<{len(wanted)}f", answer)) == wanted, (items, answer)

    def does_run_rows(self):
        x, rows = self.numbers(), [self.numbers() for _ in range(self.dice.randrange(0, 20))]
        body = json.dumps({"x": x, "list": rows} if rows else {"x": x}).encode()
        answer = self.good(self.open().ask(request("/run/sums", body, [JSON])))
        assert answer["minus"] == minus(x), answer
        rows = rows or [[0, 0, 0, 1]]
        assert len(answer["soft"]) == len(rows), answer
        for row, got in zip(rows, answer["soft"]):
            powers = [math.exp(-number) for number in row]
            for power, share in zip(powers, got):
                assert abs(share - power / sum(powers)) < 1e-4, (row, got)

    def check_picture(self, answer, colour, most):
        for plane, value in zip(answer["tensor"], colour):
            for line in plane:
                for number in line:
                    assert abs(number - value) <= most, (colour, number)

    def does_run_picture(self):
        colour = [self.dice.randrange(256) for _ in range(3)]
        photo = png(self.dice.randrange(20, 300), self.dice.randrange(20, 300), colour)
        answer = self.good(self.open().ask(request("/run/picture", photo)))
        self.check_picture(answer, colour, 0.01)
        jpeg = base64.b64decode(answer["copy"]["b64"])
        self.check_picture(self.good(self.open().ask(request("/run/picture", jpeg))), colour, 6)

    def does_gzip(self):
        x, rows = self.numbers(), [self.numbers() for _ in range(60)]
        body = gzip.compress(json.dumps({"x": x, "list": rows}).encode())
        fields = [JSON, "Content-Encoding: gzip", "Accept-Encoding: gzip", f"X-Request-Id: {x[0]}"]
        reply = self.open().ask(request("/run/sums", body, fields))
        answer = self.good(reply)
        assert reply[1]["content-encoding"] == "gzip" and reply[1]["x-request-id"] == str(x[0]), reply[1]
        assert answer["minus"] == minus(x) and len(answer["soft"]) == 60, answer

    def does_pipelining(self):
        many = [self.numbers() for _ in range(6)]
        connection = self.open()
        connection.send(b"".join(
            request("/run/sums", json.dumps({"x": x}).encode(), [JSON]) for x in many))
        for x in many:
            answer = self.good(connection.reply())
            assert answer["minus"] == minus(x), answer

    def does_chunks_slowly(self):
        x = self.numbers()
        body = json.dumps({"x": x}).encode()
        data = f"POST /run/sums HTTP/1.1\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        for byte in body:
            data += b"1\r\n" + bytes([byte]) + b"\r\n"
        data += b"0\r\n\r\n"
        connection = self.open()
        for at in range(0, len(data), 7):
            connection.send(data[at:at + 7])
        assert self.good(connection.reply())["minus"] == minus(x)

    def does_expect(self):
        x = self.numbers()
        body = json.dumps({"x": x}).encode()
        data = request("/run/sums", body, [JSON, "Expect: 100-continue"])
        connection = self.open()
        status, *_ = connection.ask(data[:-len(body)])
        if status == 503 and self.test.stopping.is_set():
            raise Gone
        assert status == 100, status
        assert self.good(connection.ask(body))["minus"] == minus(x)

    def does_wrong(self):
        for data, wanted, code in BAD:
            status, fields, body = self.alone(data)
            if status == 503 and self.test.stopping.is_set():
                continue
            answer = json.loads(body)
            assert (status, answer["code"]) == (wanted, code) and answer["error"], (data[:90], answer)

    def does_not_wait_long(self):
        status, fields, body = self.alone(request("/run/picture?timeout=1us", SLOW))
        wanted = ((504, "deadline"), (429, "overloaded"), (503, "unavailable"))
        assert (status, json.loads(body)["code"]) in wanted[:3 if self.test.stopping.is_set() else 2], body

    def does_never_end(self):
        if self.number % 4:
            return
        for start in (b"GET /v2 HT", b"POST /run/sums HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
            status, fields, body = self.alone(start)
            if not self.test.stopping.is_set():
                assert (status, json.loads(body)["code"]) == (408, "too_slow"), (status, body)

    def does_leave(self):
        slow = request("/run/picture", SLOW)
        for data in (slow, slow[:200], request("/run/sums", GOOD_INFER.encode())[:40]):
            for reset in (False, True):
                with Connection(self.test.port) as connection:
                    connection.send(data)
                    if reset:
                        linger = struct.pack("ii", 1, 0)
                        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def does_look(self):
        text = self.good(self.alone(request("/metrics", verb="GET"), self.test.metrics_port)).decode()
        assert 'leat_request_seconds_count{pipeline="sums"' in text, text[:500]
        for path, said in (("/", b"<html"), ("/v2/health/live", b""), ("/v2/models/sums", b"minus"),
                           ("/v2/models/stats", b"sums"), ("/v2/models/sums/config", b"sums")):
            status, fields, body = self.open().ask(request(path, verb="GET"))
            self.good((status, {**fields, "content-type": ""}, body))
            assert said in body, (path, body[:300])


class SixteenClients(unittest.TestCase):
    def say(self, what):
        with self.changed:
            self.wrong.append(what)
            self.stopped.set()
            self.changed.notify()

    def went_round(self, number):
        with self.changed:
            self.rounds[number] += 1
            self.changed.notify()

    def test_mixed(self):
        self.changed = threading.Condition()
        self.wrong, self.answers, self.rounds = [], [0] * CLIENTS, [0] * CLIENTS
        self.stopping, self.stopped = threading.Event(), threading.Event()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("sums", SUMS), ("many", MANY), ("picture", PICTURE)):
                pathlib.Path(folder, f"{name}.yaml").write_text(text)
            models = pathlib.Path(folder, "models")
            models.mkdir()
            (models / "minus.onnx").write_bytes(model("Neg", {"x": ROWS}, {"y": ROWS}))
            limits = ["--body-limit", BODY_LIMIT, "--header-time", "3s", "--body-grace", "3s"]
            with Server(folder, *limits) as server:
                self.port, self.metrics_port = int(server.url.split(":")[-1]), server.metrics_port
                clients = [Client(self, number) for number in range(CLIENTS)]
                for client in clients:
                    client.start()
                with self.changed:
                    self.changed.wait_for(lambda: min(self.rounds) > 0 or self.wrong)
                self.stopped.wait(SECONDS)
                self.stopping.set()  # and the clients go on
                server.process.send_signal(signal.SIGTERM)
                said = server.process.stdout.read()
                code = server.process.wait()
                self.stopped.set()
                for client in clients:
                    client.join()
        self.assertFalse(self.wrong, "\n".join(self.wrong))
        self.assertEqual((code, said), (0, "leat: stopped\n"))
        print(f"{sum(self.answers)} good answers were right", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
