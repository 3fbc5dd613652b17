"""What a step gives, checked against what it declares."""

import ctypes
import mmap
import re

import numpy as np

import leat_step
from leat_step.link import BYTES

# leat::DType, by number.
NAMES = ("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
          "FP16", "BF16", "FP32", "FP64", "BYTES")
TEXTS = (bytes, str, bytearray, memoryview)
NOTHING = {type(None)}
DTYPES = [np.dtype(t) for t in "? u1 u2 u4 u8 i1 i2 i4 i8 f2 u2 f4 f8".split()]
CODES = {dtype: code for code, dtype in reversed(list(enumerate(DTYPES)))}


class Wrong(Exception):
    """What a step gave is not what it declares."""


def type_text(dtype, shape):
    name = NAMES[CODES[dtype]] if dtype in CODES else str(dtype)
    return f"{name}[{','.join(map(str, shape))}]" if shape else name


def what(value):
    if isinstance(value, np.ndarray):
        return type_text(value.dtype, value.shape)
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)} values"
    return f"{type(value).__name__} {value!r:.60}"


def parse(port, text):
    """A type as include/leat/type.h has it: numbers of its element types; dimensions, None where
    one is open; whether more may follow."""
    whole = "UINT8[?,?,3]" if text == "IMAGE" else text
    found = re.fullmatch(r"([A-Z0-9|]+)(?:\[(.*)\])?", str(whole).replace(" ", ""))
    kinds = {"ANY": NAMES, "NUMBER": NAMES[:BYTES], **{name: (name,) for name in NAMES}}
    if not found or any(part not in kinds for part in found[1].split("|")):
        raise ValueError(f"{port}: {text!r} is no type such as FP32[16], UINT8[?,?,3] or BYTES")
    codes = [NAMES.index(kind) for part in found[1].split("|") for kind in kinds[part]]
    sizes = found[2].split(",") if found[2] else []
    more = sizes[-1:] == ["..."]
    dims = [int(size) if size.isdigit() else None for size in sizes[:len(sizes) - more]]
    return codes, dims, more


class Output:
    """A declared output."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        codes, self.dims, self.more = parse(f"output {name}", text)
        self.texts = BYTES in codes
        self.codes = {}  # element type: its number, the one that was declared first
        for code in codes:
            if code != BYTES:
                self.codes.setdefault(DTYPES[code], code)
        self.seen = {}  # (element type, shape) of items that were found right: its number

    def wrong(self, given):
        return Wrong(f"output {self.name}: {given} was given where {self.text} is declared")

    def fits(self, shape):
        """Whether an item may have this shape."""
        dims = self.dims
        return (len(shape) == len(dims) or self.more and 7 >= len(shape) > len(dims)) and all(
            dim is None or dim == size for dim, size in zip(dims, shape))

    def code(self, dtype, shape):
        """The number of the element type of an item like this."""
        code = self.seen.get((dtype, shape))
        if code is None:
            code = self.codes.get(dtype)
            if code is None or not self.fits(shape):
                raise self.wrong(type_text(dtype, shape))
            if len(self.seen) == 256:
                self.seen.clear()
            self.seen[dtype, shape] = code
        return code

    def whole(self, array, items):
        """The same of an array with a leading axis of items."""
        shape = array.shape
        if shape[:1] != (items,):
            raise Wrong(f"output {self.name}: {what(array)} was given for {items} items; the first "
                        f"axis must be {items}, and the others {self.text}")
        return self.code(array.dtype, shape[1:])

    def item(self, value):
        """One item's value as an array, as bytes, or as (shape, [bytes])."""
        value = as_array(value)
        if isinstance(value, np.ndarray) and value.dtype.kind not in "OSU":
            self.code(value.dtype, value.shape)
            return value
        if self.texts and (text := self.text_item(value)) is not None:
            return text
        try:
            array = np.array(value)
        except ValueError:  # ragged
            array = np.array(None)
        dtypes = [array.dtype] if array.dtype in self.codes else self.codes
        for dtype in dtypes if self.fits(array.shape) else ():
            if (made := exact(array, dtype)) is not None:
                return made
        shape = f" of shape {list(array.shape)}" if array.shape else ""
        raise self.wrong(what(value) + shape)

    def text_item(self, value):
        if isinstance(value, TEXTS):
            texts = [value]
            shape = ()
        elif isinstance(value, (list, tuple, np.ndarray)):
            array = np.array(value, dtype=object)
            shape = array.shape
            texts = array.ravel().tolist()
        else:
            return None
        if not self.fits(shape) or not all(isinstance(text, TEXTS) for text in texts):
            return None
        texts = [text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
                 for text in texts]
        return (shape, texts) if shape else texts[0]

    def values(self, value, items, errors):
        """An array, or a list of item()s and Nones, one an item. Items that fail go to `errors`,
        {item: exception}."""
        value = as_array(value)
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "OSU" or not value.ndim:
                return value
            value = list(value)
        if not isinstance(value, (list, tuple)) or len(value) != items:
            raise Wrong(f"output {self.name}: {what(value)} was given for {items} items; an array "
                        f"with a first axis of {items} or a list of {items} values is wanted")
        made = [None] * items
        if NOTHING.issuperset(map(type, value)):
            return made
        for i, one in enumerate(value):
            try:
                if isinstance(one, Exception):
                    errors.setdefault(i, one)
                elif one is not None:
                    made[i] = self.item(one)
            except Wrong as error:
                errors.setdefault(i, error)
        first = made[0]
        if items > 1 and all(isinstance(one, np.ndarray) and one.shape == first.shape and
                             one.dtype == first.dtype and not shared(one) for one in made):
            return np.stack(made, out=leat_step.empty((items, *first.shape), first.dtype))
        return made


def as_array(value):
    """What says that it is one, as other packages' tensors do."""
    if not isinstance(value, (np.ndarray, np.generic, list, tuple)) and hasattr(value, "__array__"):
        return np.asarray(value)
    return value


def shared(array):
    """Whether it is a view of a memory that the server knows."""
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, (mmap.mmap, ctypes.Array))  # drafts.py has the latter


def exact(array, dtype):
    """Numbers as another type, None if it cannot hold them. Fractions may be rounded."""
    if array.dtype.kind not in "buif":
        return None
    with np.errstate(over="ignore"):
        made = array.astype(dtype)
    if array.dtype == dtype or array.size == 0:
        return made
    if array.dtype.kind == "f":
        good = dtype.kind == "f" and (np.isinf(made) == np.isinf(array)).all()
    else:
        good = dtype.kind != "b" and (made == array).all()
    return made if good else None
