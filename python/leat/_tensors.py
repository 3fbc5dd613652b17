"""Tensors in the binary form of the Open Inference Protocol."""

import json
import struct

import numpy as np

from leat import _values
from leat._answer import answer_type
from leat._errors import BadInput

LENGTH = struct.Struct("<I")


def packed(metadata, inputs):
    """(JSON head, [bytes]) of a request."""
    ports = {port["name"]: port for port in metadata["inputs"]}
    heads, parts = [], []
    for name, value in inputs.items():
        if value is None:
            continue
        if name not in ports:
            raise BadInput(f"there is no input {name}; there are {', '.join(ports)}")
        datatype, shape, data = one(name, ports[name], value)
        heads.append({"name": name, "datatype": datatype, "shape": shape,
                      "parameters": {"binary_data_size": len(data)}})
        parts.append(data)
    head = {"inputs": heads, "parameters": {"binary_data_output": True}}
    return json.dumps(head).encode(), parts


def one(name, port, value):
    wanted = f"{port['datatype']}{port['shape']}"
    scalar = len(port["shape"]) == 1
    if port["datatype"] == "BYTES" and isinstance(value, (bytes, bytearray, memoryview, str)) and scalar:
        value = [value]
    made = _values.plain(value, 1 << _values.NAMES.index(port["datatype"]), wanted)
    if isinstance(made, str):
        raise BadInput(f"input {name}: {type(value).__name__} given{made and ', '}{made}, {wanted} wanted")
    if isinstance(made, tuple):
        texts, shape = made
        return "BYTES", list(shape), b"".join(LENGTH.pack(len(text)) + text for text in texts)
    datatype = _values.CODES.get(made.dtype, "BF16")
    shape = list(made.shape) or [1]  # the protocol has no other way to say one number
    return datatype, shape, made.reshape(-1).view(np.uint8).data if made.size else b""


def unpacked(metadata, body, head_size):
    """What the answer holds, as a pipeline would give it."""
    size = len(body) if head_size is None else int(head_size)
    head = json.loads(body[:size])
    values, at = {}, size
    for output in head["outputs"]:
        length = output.get("parameters", {}).get("binary_data_size")
        if length is None:
            values[output["name"]] = from_lists(output)
            continue
        values[output["name"]] = from_bytes(output, body[at:at + length])
        at += length
    names = [port["name"] for port in metadata["outputs"]]
    names += [name for name in values if name not in names]
    if len(names) == 1:
        return values.get(names[0])
    return answer_type(names)(values.get(name) for name in names)


def from_lists(output):
    if output["datatype"] == "BYTES":
        return nested([str(text).encode() for text in output["data"]], output["shape"])
    dtype = _values.DTYPES[output["datatype"]]
    return np.asarray(output["data"], dtype).reshape(output["shape"])


def from_bytes(output, data):
    if output["datatype"] != "BYTES":
        if output["datatype"] == "BF16":
            from ml_dtypes import bfloat16 as dtype
        else:
            dtype = _values.DTYPES[output["datatype"]]
        return np.frombuffer(data, dtype).reshape(output["shape"])
    texts, at = [], 0
    while at < len(data):
        (length,) = LENGTH.unpack_from(data, at)
        texts.append(data[at + 4:at + 4 + length])
        at += 4 + length
    return nested(texts, output["shape"])


def nested(texts, shape):
    """A flat list as lists in lists."""
    for size in reversed(shape[1:]):
        texts = [texts[i:i + size] for i in range(0, len(texts), size)] if size else []
    return texts
