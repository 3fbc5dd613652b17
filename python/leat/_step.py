"""Python functions and classes as steps of pipelines.

Pure Python, and needs nothing: the process that runs a step imports this from the user's file.
"""

import ast
import re
import typing

TYPE = re.compile(r"IMAGE|[A-Z0-9|]+(\[.*\])?")
# What Python and numpy call element types.
NAMES = {"bool": "BOOL", "bool_": "BOOL", "int": "INT64", "float": "FP32", "bytes": "BYTES",
         "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
         "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
         "float16": "FP16", "float32": "FP32", "float64": "FP64"}


def step(made=None, *, batch=False, side_effects=False, inputs=None, outputs=None):
    """Makes a function a step of pipelines:

        @leat.step
        def brightness(image: "IMAGE") -> {"brightness": "FP32"}:
            return image.mean()

    or a class, whose parameters are the step's `params`:

        @leat.step
        class Brightness:
            def __init__(self, scale=1.0): ...
            def __call__(self, image: "IMAGE") -> {"brightness": "FP32"}: ...

    A pipeline file says `python: file.py:brightness`, code says pipeline.python(brightness,
    image=...). The function itself stays what it is.

    Annotations are types of pipelines ("IMAGE", "FP32[16]", "BYTES"), element types of numpy
    (np.float32: a scalar), bool, int (INT64), float (FP32), bytes, or Annotated[np.ndarray, "IMAGE"].
    Where they are other things, `inputs` and `outputs` say the types by name. What is returned is a
    dict of the outputs, or the value of the only one.

    It is called for one item at a time: arrays are read-only views, valid until it returns, and an
    exception fails its item alone. Raise leat.BadInput or leat.BadMedia where the caller is to blame.
    batch=True: it is called with whole batches, arrays with a leading axis of items (lists where
    shapes differ, and of bytes), and gives such ones.

    side_effects=True: no item is given to it twice, whatever happens.
    """
    if made is None:
        return lambda function: step(function, batch=batch, side_effects=side_effects,
                                     inputs=inputs, outputs=outputs)
    is_class = isinstance(made, type)
    call = made.__call__ if is_class else made
    notes = dict(getattr(call, "__annotations__", {}))
    gives = notes.pop("return", None)
    scope = getattr(call, "__globals__", {})
    names = call.__code__.co_varnames[is_class:call.__code__.co_argcount + call.__code__.co_kwonlyargcount]
    if inputs is None:
        inputs = {name: type_text(notes.get(name), scope, f"{made.__name__}: {name}") for name in names}
    if outputs is None:
        outputs = output_types(gives, scope, made.__name__)
    if not inputs:
        raise TypeError(f"{made.__name__} takes nothing; a step has an input")

    class Step:
        """What a worker makes and calls with batches."""

        def __init__(self, **params):
            if params and not is_class:
                raise TypeError(f"{made.__name__} is a function, which takes no params")
            self.call = made(**params) if is_class else made

        def __call__(self, given):
            if batch:
                return named(self.call(**given))
            answers = []
            for item in zip(*given.values()):
                try:
                    answers.append(named(self.call(**dict(zip(given, item)))))
                except Exception as error:
                    answers.append(error)
            return {name: [one if isinstance(one, Exception) else one[name] for one in answers]
                    for name in outputs}

    def named(answer):
        if isinstance(answer, dict) and (len(outputs) > 1 or answer.keys() == outputs.keys()):
            if answer.keys() != outputs.keys():
                raise TypeError(f"{made.__name__} gave {', '.join(map(repr, answer)) or 'nothing'}; "
                                f"its outputs are {', '.join(map(repr, outputs))}")
            return answer
        if len(outputs) == 1:
            return {next(iter(outputs)): answer}
        raise TypeError(f"{made.__name__} gave {type(answer).__name__}; "
                        f"a dict of {', '.join(map(repr, outputs))} is wanted")

    Step.__name__ = Step.__qualname__ = made.__name__
    Step.inputs, Step.outputs, Step.side_effects = dict(inputs), dict(outputs), side_effects
    made.__leat_step__ = Step
    return made


def evaluated(note, scope):
    """An annotation that is a text in a text, as `from __future__ import annotations` makes them."""
    if not isinstance(note, str) or TYPE.fullmatch(note):
        return note
    try:
        return ast.literal_eval(note)
    except (ValueError, SyntaxError):
        return eval(note, scope)


def output_types(note, scope, name):
    note = evaluated(note, scope)
    if note is None:
        raise TypeError(f'{name} does not say what it gives: -> {{"NAME": "FP32"}}, or outputs=')
    if isinstance(note, dict):
        return {port: type_text(kind, scope, f"{name}: {port}") for port, kind in note.items()}
    return {"output": type_text(note, scope, name)}


def type_text(note, scope, what):
    note = evaluated(note, scope)
    if typing.get_origin(note) is not None:  # Annotated[...]
        note = next((one for one in getattr(note, "__metadata__", ()) if isinstance(one, str)), None)
    if isinstance(note, str) and TYPE.fullmatch(note):
        return note
    text = NAMES.get(getattr(note, "__name__", None))
    if text is None:
        raise TypeError(f'{what} has no type of a pipeline such as "IMAGE", "FP32[16]" or "BYTES": '
                        f"{note!r}")
    return text


step.__module__ = "leat"
