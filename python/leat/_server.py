"""A server in this process."""

import atexit
import os
import weakref

from leat._engine import default_engine
from leat._load import _leat
from leat._pipeline import Pipeline

_running = weakref.WeakSet()


class Server:
    """What serve() gives. `with` stops it at the end."""

    def __init__(self, handle, host):
        self._handle, self._host = handle, host
        _running.add(self)

    @property
    def url(self):
        return f"http://{self._host}:{self._handle.http_port}"

    @property
    def metrics_url(self):
        """None: there are no metrics."""
        port = self._handle.metrics_port
        return None if port < 0 else f"http://{self._host}:{port}/metrics"

    def load(self, *paths):
        """Serves more: pipeline files, model files, directories. A name that is served already is
        served by the new one from now on; calls under way finish on the old."""
        self._handle.load([os.fspath(path) for path in paths])

    def stop(self, timeout=10.0):
        """Refuses new requests, waits at most `timeout` seconds for those under way, cancels the
        rest and closes the ports. True if all ended by themselves."""
        _running.discard(self)
        return self._handle.stop(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def __repr__(self):
        return f"<leat.Server {self._handle.banner}>"


def serve(*what, host="127.0.0.1", http=8000, metrics=None, engine=None, **limits):
    """Serves pipelines over HTTP from this process, and returns at once.

    what: pipeline files, model files, directories of these, pipelines, or dicts that hold one. A
        Pipeline is served under its name.
    http, metrics: ports; 0: any free one, see Server.url; metrics=None: none.
    engine: of what is loaded here. Default: default_engine().
    limits: io_threads, body_bytes, json_bytes, header_bytes, connections, bytes_in_flight (bytes and
        counts), header_time, body_grace, idle_time (nanoseconds), least_rate, access_log (a file, "-"
        for standard error), access_log_json, watch: as docs/serving.md has them.
    """
    pipelines, paths = {}, []
    for one in what:
        if isinstance(one, dict):
            one = Pipeline(one, engine=engine)
        if isinstance(one, Pipeline):
            if one.name in pipelines:
                raise ValueError(f"two pipelines are named {one.name}: Pipeline(..., name=...)")
            pipelines[one.name] = one.load()
        else:
            paths.append(os.fspath(one))
    handle = _leat.start_server((engine or default_engine())._engine, {
        "host": host, "http_port": http, "metrics_port": -1 if metrics is None else metrics, **limits})
    server = Server(handle, host)
    try:
        for name, pipeline in pipelines.items():
            handle.serve(name, pipeline._loaded)
        if paths:
            handle.load(paths)
    except BaseException:
        server.stop(0)
        raise
    return server


@atexit.register
def _stop_all():
    for server in list(_running):
        try:
            server.stop(0)
        except Exception:  # made before a fork: it is the parent's
            pass


Server.__module__ = serve.__module__ = "leat"
