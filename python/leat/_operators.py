"""Operators as functions, made of what their signatures say."""

import collections
import functools
import textwrap

from leat._load import _leat


@functools.lru_cache(None)
def specs():
    """{family: [signature]}; a signature is a dict: see describe() of python/module/operators.cc."""
    found = {}
    for spec in _leat.describe_operators():
        found.setdefault(spec["name"].split(".")[0], []).append(spec)
    return found


def families():
    return sorted(specs())


def fill(module, family):
    """Makes a family's functions."""
    module.__doc__ = (f"The operators {family}.*, as functions on arrays. What is common to all of them "
                      "is in docs/python.md.")
    module.__all__ = []
    for spec in specs()[family]:
        name = spec["name"].split(".")[1]
        answer = answer_of(spec)
        if answer:
            answer.__module__ = module.__name__
            setattr(module, answer.__name__, answer)
        text = f"{name}({signature(spec)})\n--\n\n{document(spec)}"
        setattr(module, name,
                _leat.make_operator(spec["name"], name, text, module.__name__, answer))
        module.__all__.append(name)


def behind(name):
    """What the function of an operator is bound to; for pickle."""
    import importlib

    family, short = name.split(".")
    return getattr(importlib.import_module(f"leat.{family}"), short).__self__


def answer_of(spec):
    """The tuple that several outputs come in."""
    if len(spec["outputs"]) == 1:
        return None
    answer = collections.namedtuple(class_name(spec), [port["name"] for port in spec["outputs"]])
    answer.__doc__ = (f"What {spec['name']} gives. Where one value is wanted it stands for the first, "
                      f"{answer._fields[0]}.")
    answer._stands_for_first = True
    return answer


def class_name(spec):
    return "".join(word.capitalize() for word in spec["name"].split(".")[1].split("_"))


def signature(spec):
    parts = [port["name"] + ("=None" if port["optional"] else "") for port in ordered(spec)]
    params = [p["name"] if p["required"] else f"{p['name']}={p['default']!r}" for p in by_need(spec)]
    return ", ".join(parts + (["*", *params] if params else []))


def ordered(spec):
    """Python wants what has a default behind what has none; an optional port before one that is
    needed cannot be left out by position."""
    ports, last = [], max((i for i, p in enumerate(spec["inputs"]) if not p["optional"]), default=-1)
    for i, port in enumerate(spec["inputs"]):
        ports.append(dict(port, optional=port["optional"] and i > last))
    return ports


def by_need(spec):
    return sorted(spec["params"], key=lambda param: not param["required"])


def document(spec):
    """Everything that the signature says, as a docstring."""
    lines = [*wrap(spec["doc"], 0)]

    def port_lines(title, ports):
        if ports:
            lines.extend(["", title])
        for port in ports:
            more = (", optional" if port["optional"] else "") + (", a list of one or more"
                                                                 if port["many"] else "")
            if port["only_with"]:
                more += f", None without {port['only_with']}"
            lines.append(f"    {port['name']}: {port['type']}{more}")
            lines.extend(wrap(port["doc"], 8))

    port_lines("Inputs:", spec["inputs"])
    if spec["params"]:
        lines.extend(["", "Parameters, by name:"])
    for param in by_need(spec):
        default = "required" if param["required"] else f"default {param['default']!r}"
        lines.append(f"    {param['name']}: {param['takes']}; {default}")
        lines.extend(wrap(param["doc"], 8))
    port_lines("Gives:" if len(spec["outputs"]) == 1 else "Gives a tuple of:", spec["outputs"])
    return "\n".join(lines)


def wrap(text, indent):
    return textwrap.wrap(text, 96, initial_indent=" " * indent, subsequent_indent=" " * indent,
                         break_long_words=False, break_on_hyphens=False)
