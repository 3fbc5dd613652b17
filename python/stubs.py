"""Writes the stubs of the families of operators, python/leat/*.pyi, from what the operators say of
themselves. `make docs` runs it: stubs.py FOLDER, where FOLDER has the compiled module; with a second
folder it writes there."""

import pathlib
import re
import sys

PACKAGE = pathlib.Path(__file__).resolve().parent / "leat"
HEAD = '''# Written by `make docs` from what the operators say of themselves.
"""The operators {family}.*, as functions on arrays."""

import os
from typing import Any, List, Literal, NamedTuple, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from leat._types import Array, Numbers, Text, Texts
'''
NUMPY = {"BOOL": "np.bool_", "UINT8": "np.uint8", "UINT16": "np.uint16", "UINT32": "np.uint32",
         "UINT64": "np.uint64", "INT8": "np.int8", "INT16": "np.int16", "INT32": "np.int32",
         "INT64": "np.int64", "FP16": "np.float16", "FP32": "np.float32", "FP64": "np.float64",
         "IMAGE": "np.uint8"}
PARAMS = {"int": "int", "float": "float", "bool": "bool", "str": "str", "floats": "Numbers",
          "strings": "Sequence[str]", "path": "Union[str, os.PathLike[str]]",
          "dtype": "Union[str, Any]"}


def taken(port):
    kinds, bracket, _ = port["type"].partition("[")
    if kinds == "BYTES":
        text = "Texts" if bracket else "Text"
    elif "BYTES" in kinds or kinds == "ANY":
        text = "Union[Array, Text, Texts]"
    else:
        text = "Array"
    return f"Sequence[{text}]" if port["many"] else text


def given(port):
    kinds, bracket, _ = port["type"].partition("[")
    if kinds == "BYTES":
        text = "List[Any]" if bracket else "bytes"
    else:
        text = f"npt.NDArray[{NUMPY.get(kinds, 'Any')}]"
        if kinds == "ANY" or "BYTES" in kinds:
            text = "Any"
    return f"Optional[{text}]" if port["only_with"] else text


def param(spec):
    if spec["choices"]:
        kind = f"Literal[{', '.join(map(repr, spec['choices']))}]"
    else:
        kind = PARAMS[spec["kind"]]
    if spec["required"]:
        return f"{spec['name']}: {kind}"
    if spec["default"] is None:
        return f"{spec['name']}: Optional[{kind}] = None"
    return f"{spec['name']}: {kind} = {spec['default']!r}"


def function(operators, spec):
    name = spec["name"].split(".")[1]
    lines = []
    result = operators.class_name(spec)
    if len(spec["outputs"]) == 1:
        result = given(spec["outputs"][0])
    else:
        lines += [f"class {result}(NamedTuple):"]
        for port in spec["outputs"]:
            hides = "  # type: ignore[assignment]" if port["name"] in ("index", "count") else ""
            lines.append(f"    {port['name']}: {given(port)}{hides}")
        lines.append("")
    arguments = []
    for port in operators.ordered(spec):
        kind = taken(port)
        whole = f"Optional[{kind}]" if port["optional"] else kind
        arguments.append(f"{port['name']}: {whole}" + (" = None" if port["optional"] else ""))
    params = [param(one) for one in operators.by_need(spec)]
    if params:
        arguments += ["*", *params]
    lines.append(f"def {name}(")
    lines += [f"    {argument}," for argument in arguments]
    lines.append(f") -> {result}:")
    document = operators.document(spec).replace("\\", "\\\\").replace('"""', "'''")
    lines += [('    """' if i == 0 else "    ") * bool(line or i == 0) + line
              for i, line in enumerate(document.splitlines())]
    lines.append('    """')
    return "\n".join(lines) + "\n"


def main():
    sys.path.insert(0, str(PACKAGE.parent))
    import leat

    leat.__path__.append(sys.argv[1])
    from leat import _operators

    target = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else PACKAGE)
    for old in target.glob("[a-z]*.pyi"):
        old.unlink()
    for family, specs in _operators.specs().items():
        text = HEAD.format(family=family)
        for spec in specs:
            text += "\n" + function(_operators, spec)
        (target / f"{family}.pyi").write_text(text)
    top = (PACKAGE / "__init__.pyi").read_text()
    lines = "".join(f"from leat import {family} as {family}\n" for family in sorted(_operators.specs()))
    top = re.sub(r"(^from leat import \w+ as \w+\n)+", lines, top, flags=re.M)
    (target / "__init__.pyi").write_text(top)


if __name__ == "__main__":
    main()
