"""Tasks as pickles, with what is large beside them.

Large arrays, wherever they are in a task, and large bytes that are its fields are buffers; in the
pickle their numbers stand for them. `put(value, array)` gives a buffer its number: `value` is the
array, bytes or bytearray itself, `array` its memory as bytes, or None to have it made. Whoever
reads has `buffers` with text(number, kind) and array(number, dtype, shape, order).

Classes and functions of the main program, or of a function, are pickled by value: workers are not
forked and cannot import them.
"""

import functools
import io
import pickle
import threading
import types
import weakref

import numpy as np

LARGE = 2048  # bytes; anything smaller is cheaper in the pickle
PLAIN = frozenset((int, float, bool, str, type(None)))
TEXTS = frozenset((bytes, bytearray))

_reading = threading.local()  # .buffers: of the pickle that is being read


def task_text(task, put):
    """Most tasks have nothing but numbers and short texts beside their buffers: then it is the
    pickle of the class, the fields, and the names of those that are buffers."""
    kind = type(task)
    if not is_plain(kind) or (large := large_fields(task)) is None:
        return dumps(task, task, put)
    fields = task.__dict__.copy()
    for name in large:
        value = fields[name]
        if type(value) is np.ndarray:
            fields[name] = array_parts(value, put)
        else:
            fields[name] = type(value) is bytearray, put(value, None)
    if not fields.get("_shared_fields"):
        fields["_shared_fields"] = None
    return pickle.dumps((by_value(kind) or kind, fields, large), 5)


def task_of(text, buffers):
    """The task again."""
    _reading.buffers = buffers
    try:
        task = pickle.loads(text)
        if type(task) is not tuple:
            return task
        kind, fields, large = task
        for name in large:
            parts = fields[name]
            fields[name] = _fetch_array(*parts) if len(parts) > 2 else _fetch_text(*parts)
    finally:
        _reading.buffers = None
    if fields["_shared_fields"] is None:
        fields["_shared_fields"] = set()
    task = object.__new__(_from_value(kind) if type(kind) is bytes else kind)
    task.__dict__.update(fields)
    return task


@functools.lru_cache(256)
def is_plain(kind):
    """Whether objects of the class are their __dict__ and nothing else."""
    return (kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
            and kind.__new__ is object.__new__
            and getattr(kind, "__getstate__", None) is getattr(object, "__getstate__", None)
            and not any(hasattr(kind, name) for name in ("__setstate__", "__getnewargs__",
                                                         "__getnewargs_ex__"))
            and not any("__slots__" in vars(base) for base in kind.__mro__))


def large_fields(task):
    """The names of those that are to be buffers; None if others need a Pickler to look at them."""
    large = []
    for name, value in task.__dict__.items():
        kind = type(value)
        if kind in PLAIN:
            continue
        if kind in TEXTS:
            if len(value) >= LARGE:
                large.append(name)
        elif kind is np.ndarray and not value.dtype.hasobject:
            if value.nbytes >= LARGE:
                large.append(name)
        elif kind is list or kind is tuple:
            if not PLAIN.issuperset(map(type, value)):
                return None
        elif name != "_shared_fields":
            return None
    return large


def array_parts(value, put):
    """What _fetch_array() makes it of again."""
    order = "C"
    if not value.flags.c_contiguous:
        if value.flags.f_contiguous:
            order = "F"
        else:
            value = np.ascontiguousarray(value)
    flat = value.ravel(order="K").view(np.uint8)
    dtype = value.dtype
    name = dtype.str if dtype.isbuiltin == 1 else dtype
    return put(value, flat), name, value.shape, order


def _fetch_array(number, dtype, shape, order):
    return _reading.buffers.array(number, np.dtype(dtype), shape, order)


def _fetch_text(mutable, number):
    return _reading.buffers.text(number, bytearray if mutable else bytes)


def shaped(flat, dtype, shape, order):
    """An array on the memory of `flat`."""
    return flat.view(dtype).reshape(shape, order=order)


# --- Anything.


class Large:
    """Bytes or a bytearray as a buffer."""

    def __init__(self, mutable, number):
        self.mutable, self.number = mutable, number

    def __reduce__(self):
        return _fetch_text, (self.mutable, self.number)


class Pickler(pickle.Pickler):
    """`task`: whose fields may be large bytes. `put`: None for no buffers."""

    def __init__(self, file, task=None, put=None):
        super().__init__(file, 5)
        self.task, self.put = task, put

    def reducer_override(self, value):
        kind = type(value)
        if kind is np.ndarray:
            if not self.put or value.nbytes < LARGE or value.dtype.hasobject:
                return NotImplemented
            return _fetch_array, array_parts(value, self.put)
        if isinstance(value, type) or kind is types.FunctionType:
            text = by_value(value)
            return NotImplemented if text is None else (_from_value, (text,))
        if value is self.task:
            return self.of_task(value)
        return NotImplemented

    def of_task(self, task):
        parts = task.__reduce_ex__(5)
        state = parts[2] if len(parts) > 2 else None
        if not self.put or type(state) is not dict:
            return parts
        state = dict(state)
        for name, value in state.items():
            if type(value) in TEXTS and len(value) >= LARGE:
                state[name] = Large(type(value) is bytearray, self.put(value, None))
        return (*parts[:2], state, *parts[3:])


def dumps(value, task=None, put=None):
    file = io.BytesIO()
    Pickler(file, task, put).dump(value)
    return file.getvalue()


# --- By value.

_texts = weakref.WeakKeyDictionary()  # of classes and functions: their pickles, or None


def by_value(value):
    """The pickle of a class or a function; None where its name does."""
    try:
        return _texts[value]
    except KeyError:
        pass
    module = getattr(value, "__module__", None)
    text = None
    if module != "builtins" and (module == "__main__" or "<locals>" in value.__qualname__
                                 or value.__name__ == "<lambda>"):
        import cloudpickle

        text = cloudpickle.dumps(value)
    try:
        _texts[value] = text
    except TypeError:  # of no weak references
        pass
    return text


@functools.lru_cache(256)
def _from_value(text):
    value = pickle.loads(text)
    _texts[value] = text
    return value
