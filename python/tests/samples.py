"""Inputs for every operator, from what its signature says; and small things that tests share."""

import ctypes
import gc
import os
import re
import tempfile

import numpy as np

import leat
from leat import _operators

SPECS = [spec for specs in _operators.specs().values() for spec in specs]
DTYPES = {"BOOL": "?", "UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1",
          "INT16": "i2", "INT32": "i4", "INT64": "i8", "FP16": "f2", "FP32": "f4", "FP64": "f8"}
LABELS = os.path.join(tempfile.mkdtemp(), "labels.txt")
with open(LABELS, "w") as file:
    file.write("".join(f"label {i}\n" for i in range(6)))


def picture(height=12, width=10, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


PICTURE = picture()
JPEG = leat.image.encode(PICTURE, format="JPEG")

# Where a signature does not say enough: {operator: inputs and parameters by name}.
SPECIAL = {
    "image.decode": {"data": JPEG},
    "image.to_tensor": {"width": 8, "height": 6},
    "image.from_tensor": {"tensor": np.zeros((3, 4, 5), np.float32)},
}


def function(name):
    family, short = name.split(".")
    return getattr(getattr(leat, family), short)


def array(port_type, sizes):
    if port_type == "IMAGE":
        return PICTURE
    kinds, _, dims = port_type.rstrip("]").partition("[")
    kind = next((one for one in kinds.split("|") if one in DTYPES), None)
    shape = []
    for dim in filter(None, dims.split(",")):
        if dim.isdigit():
            shape.append(int(dim))
        elif dim != "...":
            shape.append(3 if dim == "?" else sizes.setdefault(dim, 6))
    if kinds == "BYTES":
        return np.full(shape, "text", object).tolist() if shape else b"text"
    values = np.random.default_rng(2).random(shape or ()) * 5
    return values.astype(DTYPES.get(kind, "f4"))


def call_of(spec):
    """(inputs, named) that fit the signature, as far as it says."""
    sizes = {}
    named = {}
    for port in spec["inputs"]:
        if port["optional"]:
            continue
        value = array(port["type"], sizes)
        named[port["name"]] = [value, value] if port["many"] else value
    for param in spec["params"]:
        if param["required"]:
            number = float(re.search(r"-?\d[\d.e]*", param["takes"] + " 1")[0])
            named[param["name"]] = param["choices"][0] if param["choices"] else {
                "int": int(number), "float": number, "bool": True, "str": "text", "floats": [number],
                "strings": ["a", "b"], "path": LABELS, "dtype": "FP32"}[param["kind"]]
    named.update(SPECIAL.get(spec["name"], {}))
    return named


class Used(ctypes.Structure):
    """glibc's mallinfo2."""
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost").split()]


def malloc_bytes():
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Used
    used = libc.mallinfo2()
    return used.uordblks + used.hblkhd


def pool_bytes():
    found = re.search(r'^leat_memory_bytes\{arena="heap"\} (\S+)', leat.default_engine().metrics(), re.M)
    return float(found[1])


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def settle():
    """What engine threads have handed over has been let go."""
    leat.Pipeline(TOY).submit(x=[1.0]).result()
    gc.collect()


TOY = {"leat": 1, "name": "toy", "inputs": {"x": "FP32[?]"},
       "steps": {"soft": {"op": "tensor.softmax", "inputs": {"x": "x"}}}, "outputs": {"y": "soft.y"}}


def address(array):
    return array.__array_interface__["data"][0]


def passing(type="ANY[...]"):
    """A function through a pipeline that gives what it is given."""
    pipeline = leat.Pipeline({
        "leat": 1, "inputs": {"x": type}, "outputs": {"x": "x", "one": "step.y"},
        "steps": {"step": {"op": "tensor.softmax", "inputs": {"x": {"value": [1.0]}}}}})
    return lambda x: pipeline(x).x
