"""What Python steps of leat may import. A step is a class:

    import leat_step

    class Scale:
        inputs = {"x": "FP32[16]"}
        outputs = {"y": "FP32[16]"}

        def __init__(self, by=2.0):          # `params:` of the pipeline file
            self.by = by

        def __call__(self, batch):
            x = batch["x"]                   # [items, 16]
            y = leat_step.empty(x.shape, x.dtype)
            y[...] = x * self.by
            return {"y": y}

batch[name] is a read-only array with a leading axis of items, valid until the call returns: copy
what you keep. It is a list with one value an item where shapes differ, where a value is absent
(None), and for BYTES (bytes). BF16 comes as uint16.

An output is an array with the same leading axis, or a list with one value an item: an array, a
number, bytes or str, None for absent, or an exception, by which that item alone fails. An exception
that is raised fails the call; raise or give BadInput or BadMedia when it is the caller's fault.

An array is given back without a copy if it is a view of an input or comes from empty(). Once
returned, what comes from empty() is read-only, since others read it then.

A step with `writable = True` gets every input as a list with one value an item, and may write to
its arrays, which changes nothing elsewhere. What it has not written() is given back without a copy,
and what it keeps stays as it is.

A step with `side_effects = True` is never run a second time for the same items.

The other files here are the process that runs a step, worker.py first. They need Python 3.9 or
later and numpy.
"""

__all__ = ["BadInput", "BadMedia", "empty", "restore", "written"]

_arena = None  # of this process, if it is a worker
_batch = None  # that a step with `writable = True` is given


class BadInput(ValueError):
    """The caller's value is wrong. The text is the caller's answer."""


class BadMedia(ValueError):
    """Not a picture (sound, video) that can be read. The text is the caller's answer."""


def empty(shape, dtype):
    """An array as numpy.empty() makes, which may be returned without a copy. Outside of a server it
    is an ordinary one. MemoryError: the step's memory is full."""
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise TypeError(f"leat_step.empty: a tensor cannot hold {dtype}")
    return numpy.empty(shape, dtype) if _arena is None else _arena.empty(shape, dtype)


def written(array):
    """Whether the input in which all of `array` lies was written to; True if there is none. Of a
    step with `writable = True`, while it runs."""
    found = _batch.draft(array) if _batch else None
    return found is None or found[0].written()


def restore(array):
    """The input in which `array` lies is as it was given again, in this and in every view of it."""
    if _batch and (found := _batch.draft(array)):
        found[0].restore()
