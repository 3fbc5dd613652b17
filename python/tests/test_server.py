"""serve() and Client, against each other and against servers that misbehave."""

import http.server
import os
import socket
import tempfile
import threading
import unittest

import numpy as np

import leat
from samples import JPEG, PICTURE, TOY

MIXED = {"leat": 1, "name": "mixed",
         "inputs": {"photo": "BYTES", "x": "FP32[?,2]", "n": {"type": "INT64", "default": 7},
                    "names": {"type": "BYTES[?]", "optional": True}},
         "steps": {"d": {"op": "image.decode", "inputs": {"data": "photo"}},
                   "s": {"op": "tensor.softmax", "inputs": {"x": "x"}}},
         "outputs": {"image": "d.image", "y": "s.y", "n": "n", "names": "names"}}


class ServeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = leat.serve(TOY, leat.Pipeline(MIXED), http=0, metrics=0)
        cls.client = leat.Client(cls.server.url)
        cls.mixed = leat.Pipeline(MIXED)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.stop()

    def test_what_is_served(self):
        self.assertTrue(self.client.ready())
        self.assertEqual(sorted(one["name"] for one in self.client.models()), ["mixed", "toy"])
        self.assertEqual(self.client.metadata("toy")["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1]}])
        self.assertIn("leat serves mixed, toy on http://127.0.0.1:", repr(self.server))

    def test_infer_is_as_in_process(self):
        x = np.arange(6, dtype=np.float32).reshape(3, 2)
        there = self.client.infer("mixed", photo=JPEG, x=x, names=["a", b"bc"], n=3)
        here = self.mixed(photo=JPEG, x=x, names=["a", b"bc"], n=3)
        np.testing.assert_array_equal(there.image, here.image)
        np.testing.assert_array_equal(there.y, here.y)
        self.assertEqual((there.names, there.n.tolist()), (here.names, [3]))
        self.assertIsNone(self.client.infer("mixed", photo=JPEG, x=x[:, ::-1]).names)
        self.assertEqual(self.client.infer("toy", x=[1, 1]).tolist(), [0.5, 0.5])
        self.assertEqual(self.client.infer("toy", x=np.zeros(0, "f4")).shape, (0,))

    def test_run(self):
        answer = self.client.run("mixed", photo=JPEG, x=np.zeros((1, 2), "f4"), names=["a", b"\xff"])
        self.assertEqual(answer["names"], ["a", b"\xff"])
        self.assertEqual(answer["y"], [[0.5, 0.5]])
        self.assertEqual(np.array(answer["image"]).shape, PICTURE.shape)

    def test_failures_are_those_of_the_pipeline(self):
        x = [[1, 2]]
        for named in (dict(photo=b"x", x=x), dict(photo=JPEG), dict(photo=JPEG, x=x, timeout=1e-6),
                      dict(photo=JPEG, x=np.zeros((1, 2)))):
            kinds = []
            for call in (self.mixed, lambda **n: self.client.infer("mixed", **n)):
                with self.assertRaises(leat.Error) as caught:
                    call(**named)
                kinds.append((type(caught.exception), caught.exception.code))
            self.assertEqual(*kinds)
        self.assertRaises(leat.NotFound, self.client.run, "nothing")
        self.assertRaises(leat.NotFound, self.client.infer, "nothing/at/all")
        self.assertRaisesRegex(leat.BadInput, "no input z; there are x", self.client.infer, "toy", z=1)

    def test_from_many_threads_with_few_connections(self):
        failed = []

        def work(k):
            try:
                for i in range(40):
                    x = np.array([i, k], np.float32)
                    np.testing.assert_array_equal(self.client.infer("toy", x=x), leat.tensor.softmax(x))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertLessEqual(len(self.client._idle), 6)

    def test_servers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file.yaml")
            leat_file = leat.Pipeline(TOY)
            with open(path, "w") as file:
                file.write(leat_file.text())
            with leat.serve(path, http=0) as server:
                self.assertIsNone(server.metrics_url)
                with leat.Client(server.url) as client:
                    self.assertEqual(client.run("toy", x=[1])["y"], [1])
                with self.assertRaises(leat.BadInput):
                    leat.serve(http=int(server.url.rsplit(":", 1)[1]))
            with self.assertRaises(leat.NotFound):
                leat.serve(os.path.join(folder, "nothing.yaml"), http=0)
        for wrong, kind in ((dict(http=70000), leat.BadInput), (dict(nothing=1), TypeError),
                            (dict(watch="yes"), TypeError)):
            with self.assertRaises(kind):
                leat.serve(TOY, **{"http": 0, **wrong})
        with self.assertRaisesRegex(ValueError, "two pipelines are named toy"):
            leat.serve(TOY, TOY, http=0)


class Misbehaving(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200, b"{}")

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        self.seen.append(self.path)
        if "html" in self.path:
            self.answer(502, b"<html>")
        elif "busy" in self.path:
            self.answer(429, b'{"error": "full", "code": "overloaded"}', {"Retry-After": "3"})
        elif "odd" in self.path:
            self.answer(408, b'{"error": "slow", "code": "too_slow"}')
        elif "vanish" in self.path:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.answer(200, b"{}")
            self.close_connection = "bye" in self.path

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.client = leat.Client(f"127.0.0.1:{self.server.server_port}/prefix")
        Misbehaving.seen.clear()

    def tearDown(self):
        self.client.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def test_what_is_told(self):
        with self.assertRaises(leat.Overloaded) as caught:
            self.client.run("busy")
        self.assertEqual((str(caught.exception), caught.exception.retry_after), ("full", 3))
        with self.assertRaises(leat.Error) as caught:
            self.client.run("odd")
        self.assertEqual((type(caught.exception), caught.exception.code), (leat.Error, "too_slow"))
        self.assertRaisesRegex(leat.Error, "HTTP 502", self.client.run, "html")
        self.assertEqual(self.client.run("fine/x"), {})
        self.assertEqual(Misbehaving.seen[-1], "/prefix/run/fine%2Fx")

    def test_no_call_is_sent_twice(self):
        self.client.run("fine")
        self.assertRaises(leat.Unavailable, self.client.run, "vanish")
        self.assertEqual(Misbehaving.seen.count("/prefix/run/vanish"), 1)

    def test_connections_that_were_closed_are_not_used(self):
        from leat._client import readable

        for _ in range(5):
            self.client.run("bye")
            self.assertEqual(len(self.client._idle), 1)
            while not readable(self.client._idle[0].sock):
                pass
        self.assertEqual(self.client.run("fine"), {})

    def test_nobody_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = leat.Client(f"http://127.0.0.1:{free.getsockname()[1]}")
        self.assertRaises(leat.Unavailable, nobody.run, "x")
        self.assertFalse(nobody.ready())
        for wrong in ("ftp://x", "http://"):
            self.assertRaises(ValueError, leat.Client, wrong)


if __name__ == "__main__":
    unittest.main()
