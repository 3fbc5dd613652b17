"""ONNX models of one node, out of nothing but bytes."""


def field(number, value):
    """One of protobuf's: a whole number below 128, or below 16 KiB of bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    value = value.encode() if isinstance(value, str) else value
    size = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])
    return bytes([number << 3 | 2]) + size + value


def port(name, dtype, shape):
    dims = b"".join(field(1, field(1 if isinstance(dim, int) else 2, dim)) for dim in shape)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, dims)))


FP32, INT64 = 1, 7


def model(operator, inputs, outputs, opset=13):
    """`inputs`, `outputs`: port() by name, in the node's order. Opset 0: none is named."""
    node = b"".join(field(1, name) for name in inputs)
    node += b"".join(field(2, name) for name in outputs) + field(4, operator)
    graph = field(1, node) + field(2, "g")
    graph += b"".join(field(11, port(name, *said)) for name, said in inputs.items())
    graph += b"".join(field(12, port(name, *said)) for name, said in outputs.items())
    return field(1, 8) + field(7, graph) + (field(8, field(2, opset)) if opset else b"")
