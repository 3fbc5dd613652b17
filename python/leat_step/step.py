"""One step: the user's class, and what becomes of its answers and exceptions."""

import gc
import importlib.util
import json
import logging
import os
import struct
import sys
import types

import leat_step
from leat_step.batch import Batch
from leat_step.drafts import DraftBatch, Drafts
from leat_step.failures import last_line, print_traceback
from leat_step.link import ABSENT, STEP_FAILED
from leat_step.outputs import Output, Wrong, parse

BAD_INPUT, BAD_MEDIA = 1, 4  # leat::Code


class Step:
    """`setup`: texts, of which the first says that this is a Python step."""

    def __init__(self, link, setup):
        self.link = link
        _, _, path, class_name, params = setup[:5]
        inputs, rest = pairs(setup[5:])
        outputs, _ = pairs(rest)
        made = getattr(load(path), class_name, None)
        if made is None:
            raise AttributeError(f"{path} has no class {class_name}")
        made = getattr(made, "__leat_step__", made)  # of @leat.step
        self.call = made(**json.loads(params))
        if not callable(self.call):
            raise TypeError(f"{class_name} has no __call__(self, batch)")
        self.inputs = self.ports("inputs", inputs)
        for name, text in self.inputs.items():
            parse(f"input {name}", text)
        self.outputs = [Output(*port) for port in self.ports("outputs", outputs).items()]
        self.batch = Batch
        if getattr(self.call, "writable", False):
            self.batch, link.drafts = DraftBatch, Drafts(link)
        self.names = {output.name for output in self.outputs}
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        # What was imported stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()

    def ports(self, what, in_file):
        """{name: type}."""
        ports = in_file or getattr(self.call, what, None)
        if not isinstance(ports, dict):
            raise TypeError(f'{type(self.call).__name__} does not say its {what}: {what} = '
                            f'{{"x": "FP32[16]"}} in the class, or `signature` of the step')
        return ports

    def introduce(self, number):
        outputs = {output.name: output.text for output in self.outputs}
        texts = []
        for ports in (self.inputs, outputs):
            texts.append(str(len(ports)))
            for port in ports.items():
                texts += port
        texts.append("1" if getattr(self.call, "side_effects", False) else "0")
        texts = [text.encode() for text in texts]
        self.link.answer(number, 0, [Batch(self.link, [], 1).text((len(texts),), texts)], b"")

    def run(self, number, wires, items):
        batch = self.batch(self.link, wires, items)
        try:
            errors = {}
            values = self.values(self.call(batch.inputs(self.inputs)), items, errors)
            whole, made = [], []
            for output, value in zip(self.outputs, values):
                as_one, its = batch.tell(output, value, errors)
                whole.append(as_one)
                made += its
            del values, value
            batch.settle()
            self.link.answer(number, 0, made, note(whole, errors))
            batch.lend()
        except Exception as error:
            batch.undo()
            batch.settle()
            self.failed(number, error, items)

    def failed(self, number, error, items):
        """The whole call. One item's failure is its own; of several the server finds out whose."""
        count = len(self.outputs)
        try:
            if items == 1:
                return self.link.answer(number, 0, [ABSENT] * count, note([0] * count, {0: error}))
        except MemoryError:
            pass
        self.link.fail(number, told(error)[1])

    def values(self, result, items, errors):
        """Of the outputs, in order."""
        if isinstance(result, types.GeneratorType):
            answers = list(result)
            if len(answers) != 1:
                raise Wrong(f"the step yielded {len(answers)} answers; there is one to a request")
            result = answers[0]
        if not isinstance(result, dict):
            raise Wrong(f"the step gave {type(result).__name__}; a dict of its outputs is wanted")
        if result.keys() != self.names:
            given, wanted = (", ".join(sorted(map(repr, names))) for names in (result, self.names))
            raise Wrong(f"the step gave {given or 'nothing'}; its outputs are {wanted or 'none'}")
        return [output.values(result[output.name], items, errors) for output in self.outputs]


def pairs(texts):
    """A count and as many pairs at the front, as a dict; the rest."""
    end = 1 + 2 * int(texts[0])
    return dict(zip(texts[1:end:2], texts[2:end:2])), texts[end:]


def load(path):
    """The module in the file."""
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path]
    name = os.path.splitext(os.path.basename(path))[0]
    while name in sys.modules:  # steps.py may have any name
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def note(whole, errors):
    """What goes with an answer: which outputs are one tensor, and {item: exception}."""
    parts = [struct.pack(f"<{len(whole) + 2}I", len(whole), *whole, len(errors))]
    for item, error in errors.items():
        code, text = told(error)
        text = text.encode("utf-8", "replace")
        parts += struct.pack("<3I", item, code, len(text)), text
    return b"".join(parts)


def told(error):
    """(leat::Code, the client's text). What is not the caller's fault goes to the log."""
    code = getattr(error, "code", None)  # of leat.BadInput and leat.BadMedia
    if isinstance(error, leat_step.BadInput) or code == "bad_input":
        return BAD_INPUT, str(error) or "BadInput"
    if isinstance(error, leat_step.BadMedia) or code == "bad_media":
        return BAD_MEDIA, str(error) or "BadMedia"
    if isinstance(error, Wrong):
        print(error, file=sys.stderr)
        return STEP_FAILED, str(error)
    print_traceback(error)
    return STEP_FAILED, last_line(error)
