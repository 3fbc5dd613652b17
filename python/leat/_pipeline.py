"""Pipelines, and the ways to call one."""

import asyncio
import concurrent.futures
import os
import threading

from leat import _operators
from leat._answer import answer_type
from leat._build import Builder
from leat._engine import default_engine
from leat._load import _leat
from leat._map import Map


class Future(concurrent.futures.Future):
    """Of a call. cancel() takes what has not begun out of the queues."""

    _ticket = None

    def cancel(self):
        cancelled = super().cancel()
        if cancelled and self._ticket is not None:
            self._ticket.cancel()
        return cancelled

    def _told(self, value, error):
        if not self.set_running_or_notify_cancel():
            return
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(value)


class Pipeline(Builder):
    """A pipeline: of a file, of a text or a dict in the same format, or built in code.

        Pipeline("faces.yaml")          a pipeline file, or a model file
        Pipeline({"leat": 1, ...})      what the file would hold; so does a str with several lines
        Pipeline()                      nothing yet: input(), image.decode() ..., output()

    engine: whose threads and models it uses. Default: default_engine().
    folder: where relative paths in a text, a dict or code start. Default: the working directory.
    name: what metrics and servers call it. Default: what the file says.

    Calls may come from any number of threads. A pipeline that was loaded before a fork refuses calls
    in the child with Unavailable.
    """

    def __init__(self, source=None, *, engine=None, folder=None, name=None):
        super().__init__(name, folder)
        self._lock = threading.Lock()
        self._engine = engine
        self._source = source
        self._loaded = None
        if isinstance(source, dict):
            self._document.update(source)
        if source is not None:
            self.load()

    def load(self):
        """Checks and loads it now, which the first call does otherwise. Raises BadInput with a line
        for every mistake. Returns the pipeline."""
        with self._lock:
            if self._loaded is None:
                self._load()
        return self

    def _load(self):
        engine = (self._engine or default_engine())._engine
        source = self._source
        if source is None or isinstance(source, dict):
            loaded = _leat.load_text(engine, self.text(), self._folder)
        elif isinstance(source, str) and "\n" in source:
            loaded = _leat.load_text(engine, source, self._folder)
        else:
            loaded = _leat.load_path(engine, os.fspath(source), self._name or "")
        answer = answer_type(name for name, _, _ in loaded.outputs)
        self._run, self._start = loaded.functions(answer)
        self._loaded = loaded

    def _changed(self):
        if self._source is not None:
            raise TypeError("this pipeline is of a file or a dict; Pipeline() can be built in code")
        self._loaded = None
        self.__dict__.pop("_run", None)
        self.__dict__.pop("_start", None)

    def _run(self, /, *values, **named):  # until it is loaded
        self.load()
        return self._run(*values, **named)

    def _start(self, /, *values, **named):
        self.load()
        return self._start(*values, **named)

    @property
    def name(self):
        return self.load()._loaded.name

    @property
    def description(self):
        return self.load()._loaded.description

    @property
    def batched(self):
        """Whether inputs and outputs have a leading axis of N independent items."""
        return self.load()._loaded.batched

    @property
    def inputs(self):
        """[(name, type, whether it may be left out)]; types are one item's."""
        return self.load()._loaded.inputs

    @property
    def outputs(self):
        """[(name, type, whether it may be absent)]; types are one item's."""
        return self.load()._loaded.outputs

    def graph(self, format="mermaid"):
        """The drawing of the plan: mermaid, dot or svg."""
        return self.load()._loaded.graph(format)

    def __call__(self, /, *values, **named):
        """pipeline(*inputs, timeout=None, priority=0, trace=False, **inputs)

        Runs one call and waits, without the GIL. Inputs by position or by name: arrays, buffers,
        DLPack tensors of the CPU, bytes, texts, numbers, lists; None leaves one out. Gives the value
        of the only output, or an Answer.

        timeout: seconds until nobody wants the answer any more: then Deadline is raised. The shorter
            of it and the file's counts.
        priority: 1 is the highest, larger is lower, 0 the default, in the middle.
        trace: give an Answer even for one output, and in answer.trace the times of each step.

        An input that is called like an option is the input.
        """
        return self._run(*values, **named)

    def submit(self, /, *values, **named):
        """As a call, but gives a Future at once. What cannot be a value at all is refused here;
        everything else is the Future's. Callbacks of the Future run on a thread of leat's."""
        future = Future()
        future._ticket = self._start(future._told, *values, **named)
        return future

    async def infer(self, /, *values, **named):
        """As a call, for asyncio. Cancelling the task cancels the call."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def settle(value, error):
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        def told(value, error):
            try:
                loop.call_soon_threadsafe(settle, value, error)
            except RuntimeError:  # the loop has been closed: nobody waits
                pass

        ticket = self._start(told, *values, **named)
        try:
            return await future
        except asyncio.CancelledError:
            ticket.cancel()
            raise

    def map(self, items, *, in_flight=16, ordered=True, errors="raise", **options):
        """Runs a call for each of `items`, which may be endless, and gives the answers as an
        iterator. At most `in_flight` calls are under way or wait to be taken, so that memory is
        bounded; items are taken as answers are.

        An item that is a dict has inputs by name, a tuple by position; anything else is the first
        input. `options` (timeout, priority, trace) are every call's.

        ordered: answers come in the order of the items, else as they are ready.
        errors: "raise" raises a failed item's exception in its place; the iterator can be gone on
            with. "return" gives the exception as the answer.
        """
        return Map(self, items, in_flight, ordered, errors, options)

    def __getattr__(self, name):
        if not name.startswith("_") and name in _operators.families():
            return self._family(name)
        raise AttributeError(f"a Pipeline has no {name!r}, and there is no such family of operators")

    def __dir__(self):
        return [*super().__dir__(), *_operators.families()]

    def __repr__(self):
        if self._source is not None and not isinstance(self._source, dict):
            return f"<leat.Pipeline {self._loaded.name}>"
        return f"<leat.Pipeline of {len(self._document['steps'])} steps>"


Pipeline.__module__ = Future.__module__ = "leat"
