"""Many calls, a bounded number of them at once."""

import collections
import queue

from leat._errors import Error


class Map:
    """The iterator that Pipeline.map() gives. Closing it, or letting it go, cancels what is under
    way."""

    def __init__(self, pipeline, items, in_flight, ordered, errors, options):
        if in_flight < 1:
            raise ValueError(f"in_flight is {in_flight}; at least 1 is wanted")
        if errors not in ("raise", "return"):
            raise ValueError(f'errors is {errors!r}; "raise" or "return" is wanted')
        self._submit = pipeline.submit
        self._items = iter(items)
        self._room = in_flight
        self._errors, self._options = errors, options
        self._waiting = collections.deque() if ordered else set()
        self._ready = None if ordered else queue.SimpleQueue()

    def __iter__(self):
        return self

    def __next__(self):
        self._fill()
        if not self._waiting:
            raise StopIteration
        if self._ready is None:
            future = self._waiting.popleft()
        else:
            future = self._ready.get()
            self._waiting.discard(future)
        if self._errors == "raise":
            return future.result()
        error = future.exception()
        return future.result() if error is None else error

    def _fill(self):
        while self._items is not None and len(self._waiting) < self._room:
            try:
                item = next(self._items)
            except StopIteration:
                self._items = None
                return
            future = self._begin(item)
            if self._ready is None:
                self._waiting.append(future)
            else:
                self._waiting.add(future)
                future.add_done_callback(self._ready.put)

    def _begin(self, item):
        try:
            if isinstance(item, dict):
                return self._submit(**item, **self._options)
            if isinstance(item, tuple):
                return self._submit(*item, **self._options)
            return self._submit(item, **self._options)
        except Error as error:  # it cannot be a value at all
            return Failed(error)

    def close(self):
        """Cancels what is under way; there is no next then."""
        self._items = None
        waiting, self._waiting = list(self._waiting), type(self._waiting)()
        for future in waiting:
            future.cancel()

    def __del__(self):
        if hasattr(self, "_waiting"):
            self.close()


class Failed:
    """Looks like a Future that has failed."""

    def __init__(self, error):
        self._error = error

    def result(self):
        raise self._error

    def exception(self):
        return self._error

    def cancel(self):
        return False

    def add_done_callback(self, tell):
        tell(self)
