"""A client of leat's servers, and of others that speak the Open Inference Protocol. Standard library
only; infer() needs numpy."""

import base64
import http.client
import json
import os
import select
import threading
import urllib.parse

from leat._errors import Deadline, Error, Unavailable, made


class Client:
    """client = leat.Client("http://localhost:8000"), from any number of threads.

    Connections are kept and used again. A failure is raised as the same exception that the pipeline
    would raise in process; Unavailable if nobody answers. Nothing is sent twice but what only reads:
    a call that failed may have had its effect.

    timeout: seconds that a call without a timeout of its own may take; None: forever.
    """

    def __init__(self, url, *, timeout=None):
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address such as http://localhost:8000")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle = []  # connections
        self._of = os.getpid()
        self._models = {}

    # --- What is served.

    def ready(self):
        """Whether all that is to be served is."""
        try:
            self._get("/v2/health/ready")
        except Unavailable:
            return False
        return True

    def models(self):
        """What is served: a list of dicts with name, version, state and reason."""
        return json.loads(self._request("POST", "/v2/repository/index", b"{}", {}, None)[1])

    def metadata(self, name):
        """Inputs and outputs of a pipeline, as the protocol tells them."""
        return json.loads(self._get(f"/v2/models/{quoted(name)}"))

    # --- Calls.

    def run(self, name, /, *, timeout=None, **inputs):
        """Calls a pipeline by POST /run: inputs and outputs as JSON has them, in a dict by name. Arrays
        go as lists, bytes as they are; what comes as base64 is given as bytes."""
        body = json.dumps(inputs, default=as_json).encode()
        answer = self._call(f"/run/{quoted(name)}", body, {"Content-Type": "application/json"}, timeout)
        return json.loads(answer[1], object_hook=from_json)

    def infer(self, name, /, *, timeout=None, **inputs):
        """Calls a pipeline by the protocol, tensors as binary. Gives what the pipeline gives in
        process: the value of the only output, or an Answer; arrays, and lists of bytes. As the
        protocol has it, a single number comes with the shape [1], a single text as a list of one, an
        absent output is None, and one whose rows differ in shape comes end to end, with NAME.lengths
        beside it."""
        from leat import _tensors

        known = self._models.get(name)
        if known is None:
            known = self._models[name] = self.metadata(name)
        head, parts = _tensors.packed(known, inputs)
        headers = {"Content-Type": "application/octet-stream",
                   "Inference-Header-Content-Length": str(len(head))}
        answer, body = self._call(f"/v2/models/{quoted(name)}/infer", b"".join([head, *parts]), headers,
                                  timeout)
        return _tensors.unpacked(known, body, answer.get("Inference-Header-Content-Length"))

    def close(self):
        """Closes what is idle. The client can still be used."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- HTTP.

    def _get(self, path):
        try:
            return self._request("GET", path, None, {}, None)[1]
        except Unavailable as error:
            if not isinstance(error.__cause__, OSError):
                raise
        return self._request("GET", path, None, {}, None)[1]

    def _call(self, path, body, headers, timeout):
        timeout = self._timeout if timeout is None else timeout
        if timeout is not None:
            path += f"?timeout={max(1, round(timeout * 1e6))}us"
        return self._request("POST", path, body, headers, timeout)

    def _request(self, method, path, body, headers, timeout):
        """(headers, body) of the answer."""
        connection = self._connection()
        # The server gives up first; if it does not even do that, the wait ends all the same.
        limit = self._timeout if timeout is None else timeout + 1
        connection.timeout = limit
        if connection.sock is not None:
            connection.sock.settimeout(limit)
        try:
            connection.request(method, self._prefix + path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except TimeoutError as error:
            connection.close()
            raise Deadline(f"no answer within {limit:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            why = str(error) or type(error).__name__
            raise Unavailable(f"{self._scheme}://{self._host}:{connection.port}: {why}") from error
        except BaseException:  # a signal, in the middle of an answer
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        if response.status == 200:
            return response.headers, answer
        raise failure(response, answer)

    def _connection(self):
        with self._lock:
            if self._of != os.getpid():  # those before the fork are the parent's
                self._of, self._idle = os.getpid(), []
            while self._idle:
                connection = self._idle.pop()
                if connection.sock is not None and not readable(connection.sock):
                    return connection
                connection.close()  # the server has closed it
        kind = http.client.HTTPSConnection if self._scheme == "https" else http.client.HTTPConnection
        return kind(self._host, self._port)


def readable(sock):
    """What can be read while no answer is awaited is the end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def failure(response, body):
    try:
        told = json.loads(body)
        error = made(str(told.get("code", "internal")), str(told["error"]))
    except (ValueError, KeyError, TypeError, AttributeError):  # not leat's
        error = Error(f"HTTP {response.status} {response.reason}: {body[:200]!r}", "internal")
    wait = response.headers.get("Retry-After")
    if wait is not None and wait.isdigit():
        error.retry_after = int(wait)
    return error


def quoted(name):
    return urllib.parse.quote(name, safe="")


def as_json(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"b64": base64.b64encode(value).decode()}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def from_json(value):
    return base64.b64decode(value["b64"]) if value.keys() == {"b64"} else value


Client.__module__ = "leat"
