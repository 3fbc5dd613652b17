"""What Python has in so many forms, made plain for the compiled part: it takes arrays in one piece,
lists of bytes, and parameters that are numbers, texts and tuples of these."""

import os

import numpy as np

# leat::DType, by number.
NAMES = ("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
         "FP16", "BF16", "FP32", "FP64", "BYTES")
BYTES = NAMES.index("BYTES")
DTYPES = dict(zip(NAMES, (np.dtype(t) for t in "? u1 u2 u4 u8 i1 i2 i4 i8 f2 V2 f4 f8".split())))
CODES = {dtype: name for name, dtype in DTYPES.items() if name != "BF16"}


def plain(value, bits, wanted):
    """An array in one piece, row by row; or for texts (flat list of bytes, shape); or, as a text,
    what is wrong. `bits`: the element types that are taken."""
    if hasattr(value, "_stands_for_first"):  # several outputs of an operator
        value = value[0]
    if isinstance(value, np.ndarray):
        return of_array(value, bits)
    if isinstance(value, np.generic):
        return of_array(np.asarray(value), bits)
    if hasattr(value, "__dlpack__"):
        try:
            return of_array(np.from_dlpack(value), bits)
        except Exception as error:  # of another device, or an element type that numpy lacks
            return f"numpy.from_dlpack: {error}"
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return of_array(np.asarray(value), bits)
    if isinstance(value, (bytes, str)) or (isinstance(value, (list, tuple)) and holds_texts(value)):
        if not bits >> BYTES & 1:
            return "a text"
        return texts(value)
    if isinstance(value, (bool, int, float, list, tuple)):
        return constant(value, [name for i, name in enumerate(NAMES) if bits >> i & 1])
    try:
        view = memoryview(value)
    except TypeError:
        return ""
    return of_array(np.asarray(view), bits)


def of_array(array, bits):
    if array.dtype.kind in "SUO" and bits >> BYTES & 1:
        return texts(array.tolist())
    if array.dtype not in CODES and not array.dtype.isnative and array.dtype.kind in "biuf":
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype not in CODES and array.dtype.name != "bfloat16":
        return f"an array of {array.dtype}"
    if array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.array(array, order="C", copy=True, subok=False)


def holds_texts(value):
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bytes, str, bytearray, memoryview))


def texts(value):
    """Nested lists of texts as (flat list of bytes, shape)."""
    flat, shape = [], []

    def walk(part, depth):
        if isinstance(part, (list, tuple)):
            if len(shape) == depth:
                shape.append(len(part))
            if shape[depth] != len(part):
                raise ValueError("lists of different lengths")
            for one in part:
                walk(one, depth + 1)
        elif len(shape) != depth:
            raise ValueError("texts beside lists")
        elif isinstance(part, str):
            flat.append(part.encode())
        elif isinstance(part, (bytes, bytearray, memoryview)):
            flat.append(bytes(part))
        else:
            raise ValueError(f"{type(part).__name__} among texts")

    try:
        walk(value, 0)
    except ValueError as error:
        return str(error)
    return flat, tuple(shape)


def constant(value, names):
    """Numbers and lists have no element type: they get INT64, FP32 or BOOL by what they are, where
    that is taken, else FP32, or else the first type that can hold them."""
    try:
        array = np.asarray(value)
    except ValueError:
        return "lists of different lengths"
    if array.dtype.kind not in "biuf":
        return "a list of something else than numbers" if isinstance(value, (list, tuple)) else ""
    usual = {"b": ["BOOL"], "i": ["INT64", "FP32"], "u": ["INT64", "UINT64", "FP32"],
             "f": ["FP32"]}[array.dtype.kind]
    for name in [name for name in usual if name in names] + names:
        dtype = DTYPES.get(name)
        if dtype is None or name == "BF16":
            continue
        if array.size and not holds(dtype, array):
            continue
        return array.astype(dtype)
    return f"{value!r:.60}"


def holds(dtype, array):
    """Whether every number can be had in the type; fractions may be rounded."""
    if (dtype.kind == "b") != (array.dtype.kind == "b"):
        return False
    if dtype.kind == "f":
        return True
    if array.dtype.kind == "f":
        return False
    if dtype.kind == "b":
        return True
    info = np.iinfo(dtype)
    return int(array.min()) >= info.min and int(array.max()) <= info.max


def plain_param(value, is_path):
    """A parameter as an int, float, bool or str, or a tuple of these."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return os.path.abspath(value) if is_path and value else str(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        dtype = np.dtype(value)
        return "BF16" if dtype.name == "bfloat16" else CODES.get(dtype, str(dtype))
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(plain_param(one, False) for one in value)
    if isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return value
