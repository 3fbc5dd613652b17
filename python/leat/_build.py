"""Pipelines in code. Every call adds to a dict that is what the pipeline file would hold."""

import collections
import inspect
import json
import keyword
import os

from leat import _operators


class Value:
    """What flows along an edge: an input, or an output of a step. In an f-string it is the name that
    expressions know: options={"when": f"size({boxes}) == 0"}."""

    __slots__ = ("_of", "_written")

    def __init__(self, of, written):
        self._of, self._written = of, written

    def __str__(self):
        return self._written if isinstance(self._written, str) else json.dumps(self._written)

    def __repr__(self):
        return f"<value {self}>"


class Outputs:
    """Of a step whose ports are known when it is loaded: outputs.boxes, outputs["scale_0.tmp_1"]."""

    def __init__(self, of, step):
        self._of, self._step = of, step

    def __getattr__(self, port):
        if port.startswith("_"):
            raise AttributeError(port)
        return self[port]

    def __getitem__(self, port):
        plain = port.isidentifier()
        return Value(self._of, f"{self._step}.{port}" if plain else f"{self._step}[{json.dumps(port)}]")

    def __repr__(self):
        return f"<outputs of {self._step}>"


class Family:
    """pipeline.image: its operators add steps."""

    def __init__(self, pipeline, family):
        self._pipeline = pipeline
        self._specs = {spec["name"].split(".")[1]: spec for spec in _operators.specs()[family]}
        self._name = family

    def __getattr__(self, name):
        spec = self._specs.get(name)
        if spec is None:
            raise AttributeError(f"there is no operator {self._name}.{name}; "
                                 f"there are {', '.join(self._specs)}")

        def add(*inputs, options=None, **named):
            return self._pipeline._add_operator(spec, inputs, named, options or {})

        add.__name__ = add.__qualname__ = name
        add.__doc__ = ("Adds a step; values take the place of arrays. `options`: those of the step in "
                       "a pipeline file.\n\n" + _operators.document(spec))
        return add

    def __dir__(self):
        return list(self._specs)


class Builder:
    """The half of Pipeline that makes one in code.

        p = leat.Pipeline()
        image = p.image.decode(p.input("photo"))
        tensor, transform = p.image.to_tensor(image, width=224, height=224)
        out = p.model("model.onnx", input=tensor)
        best = p.tensor.top_k(out.scores, k=5, options={"when": f"max({out.scores}) > 0.1"})
        p.output(classes=best.indices)

    What an operator gives is one value, or a tuple of them by the names of its outputs, which where
    one value is wanted stands for the first. Anything that is no value is a constant.
    """

    def __init__(self, name, folder):
        self._name = name
        self._folder = os.path.abspath(folder or os.getcwd())
        self._document = {"leat": 1, "inputs": {}, "steps": {}, "outputs": {}}
        if name:
            self._document["name"] = name

    def _changed(self):
        raise NotImplementedError

    def _family(self, name):
        return Family(self, name)

    def dict(self):
        """What the pipeline file would hold."""
        return json.loads(self.text())

    def text(self):
        """The same, as JSON, which is YAML too."""
        return json.dumps(self._document, ensure_ascii=False, indent=1, default=plain)

    # --- What a pipeline has.

    def input(self, name, type="BYTES", *, shape=None, optional=False, default=None):
        """A value that callers give. type: "BYTES", "IMAGE", "FP32[3,224,224]" ..."""
        self._changed()
        if name in self._document["inputs"]:
            raise ValueError(f"there is an input {name} already")
        entry = {"type": type}
        if shape is not None:
            entry["shape"] = list(shape)
        if optional:
            entry["optional"] = True
        if default is not None:
            entry["default"] = default
        self._document["inputs"][name] = entry if len(entry) > 1 else type
        return Value(self, name)

    def output(self, **values):
        """Names what callers get, in this order."""
        self._changed()
        for name, value in values.items():
            if name in self._document["outputs"]:
                raise ValueError(f"there is an output {name} already")
            self._document["outputs"][name] = self._written(value)

    def set(self, **options):
        """Options of the pipeline itself: timeout, batched, description, python_env."""
        self._changed()
        self._document.update(options)

    # --- Values.

    def gather(self, value, absent=None):
        """All rows of a value of a loop. absent: "fail", "drop" or {"use": constant}."""
        made = {"gather": self._written(value)}
        if absent is not None:
            made["absent"] = absent
        return Value(self, made)

    def first_of(self, *values):
        """The first that is present."""
        return Value(self, {"first_of": [self._written(value) for value in values]})

    def optional(self, value):
        """A value without which the step runs all the same."""
        return Value(self, {"optional": self._written(value)})

    def rows(self, value):
        """The numbers of the rows that gather(value, absent="drop") kept."""
        return Value(self, f"rows({value})")

    def index(self):
        """In a loop: the number of its row."""
        return Value(self, "index")

    # --- Steps.

    def model(self, path, inputs=None, *, options=None, **named):
        """Runs a model file. Inputs by the model's port names; those that are no words of Python go
        into the dict `inputs`. Outputs are attributes of what it gives, or out["odd:0"]."""
        ports = {**(inputs or {}), **named}
        stem = os.path.splitext(os.path.basename(os.fspath(path)))[0]
        return Outputs(self, self._add(stem, {"model": os.fspath(path)}, ports, options))

    def pipeline(self, path, inputs=None, *, options=None, **named):
        """Puts the steps of another pipeline file in. Its inputs and outputs are the step's."""
        ports = {**(inputs or {}), **named}
        stem = os.path.splitext(os.path.basename(os.fspath(path)))[0]
        return Outputs(self, self._add(stem, {"pipeline": os.fspath(path)}, ports, options))

    def python(self, step, inputs=None, *, params=None, options=None, **named):
        """Runs Python, in processes of its own: what @leat.step has made, a class, or
        "file.py:Name". It must be found by its name at the top of its file."""
        ports = {**(inputs or {}), **named}
        if not isinstance(step, str):
            step = where_is(step)
        body = {"python": step}
        if params:
            body["params"] = params
        return Outputs(self, self._add(step.rpartition(":")[2].lower(), body, ports, options))

    def _add_operator(self, spec, inputs, named, options):
        ports = [port["name"] for port in spec["inputs"]]
        params = {param["name"] for param in spec["params"]}
        if len(inputs) > len(ports):
            raise TypeError(f"{spec['name']} has {len(ports)} inputs; {len(inputs)} are given")
        given = dict(zip(ports, inputs))
        settings = {}
        for name, value in named.items():
            if name in given:
                raise TypeError(f"{spec['name']}: input {name} is given twice")
            if name in params:
                if value is not None:
                    settings[bare(name)] = value
            else:
                given[name] = value  # what there is not, the checker says
        given = {bare(name): value for name, value in given.items() if value is not None}
        body = {"op": spec["name"]}
        if settings:
            body["params"] = settings
        outputs = [port["name"] for port in spec["outputs"]]
        step = Outputs(self, self._add(spec["name"].split(".")[1], body, given, options))
        if len(outputs) == 1:
            return step[bare(outputs[0])]
        kind = collections.namedtuple(_operators.class_name(spec), outputs)
        kind._stands_for_first = True
        return kind(*(step[bare(name)] for name in outputs))

    def _add(self, wish, body, inputs, options):
        self._changed()
        options = dict(options or {})
        steps = self._document["steps"]
        name = options.pop("name", None)
        if name is None:
            base = "".join(c if c.isalnum() and c.isascii() else "_" for c in wish.lower()).strip("_")
            base = base if base[:1].isalpha() else f"step_{base}"
            taken = {*steps, *self._document["inputs"], *RESERVED}
            name, n = base, 1
            while name in taken:
                n += 1
                name = f"{base}_{n}"
        elif name in steps:
            raise ValueError(f"there is a step {name} already")
        if inputs:
            body["inputs"] = {port: self._written(value) for port, value in inputs.items()}
        for key, value in options.items():
            if key == "for_each":
                value = ([self._reference(one) for one in value] if isinstance(value, (list, tuple))
                         else self._reference(value))
            elif key == "when":
                value = str(value)
            body[key] = value
        steps[name] = body
        return name

    def _reference(self, value):
        if isinstance(value, Value) and value._of is not self:
            raise ValueError(f"{value} is of another pipeline")
        return value._written if isinstance(value, Value) else value

    def _written(self, value):
        if hasattr(value, "_stands_for_first"):
            value = value[0]
        if isinstance(value, Value):
            return self._reference(value)
        if isinstance(value, (list, tuple)) and any(
                isinstance(one, Value) or hasattr(one, "_stands_for_first") for one in value):
            return [self._written(one) for one in value]
        if isinstance(value, (Outputs, Family)):
            raise TypeError(f"{value!r} has several values: name one")
        return {"value": value}


# Words with a meaning of their own.
RESERVED = ("index", "rows", "and", "or", "not", "true", "false", "null")


def bare(name):
    """Without the underscore behind a word of Python's."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def plain(value):
    """For JSON."""
    if isinstance(value, Value):
        return value._written
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} cannot stand in a pipeline")


def where_is(step):
    """"file.py:Name" of a class, or of what @leat.step has made."""
    name = getattr(step, "__qualname__", None)
    function = inspect.unwrap(step) if callable(step) else step
    try:
        file = inspect.getsourcefile(function)
    except TypeError:
        file = None
    if not file or not os.path.exists(file):
        raise ValueError(f"{step!r} has no file that a process could load it from")
    if not name or "." in name:
        raise ValueError(f"{name or step!r} is not at the top of {file}, where a process could find it")
    return f"{os.path.abspath(file)}:{name}"
