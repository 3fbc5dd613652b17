"""What a call with several outputs gives."""

import collections

StepTime = collections.namedtuple("StepTime", "step ready begin end row batch")
StepTime.__doc__ = """One execution of one step, as a trace shows it. Times in seconds from the call's start.

ready: its inputs were there; begin: it began to run; row: in its innermost loop, -1 outside of
loops; batch: how many items ran together."""
StepTime.__module__ = "leat"


class Answer(tuple):
    """The outputs of one call, in the pipeline's order: answer.boxes, answer["boxes"], answer[0], or
    boxes, scores = answer. An output that is absent is None.

    trace: a list of StepTime if the call asked for one, else None.
    """

    _fields = ()
    trace = None

    def __getitem__(self, key):
        if isinstance(key, str):
            try:
                key = self._fields.index(key)
            except ValueError:
                raise KeyError(f"{key}; the outputs are {', '.join(self._fields)}") from None
        return tuple.__getitem__(self, key)

    def __getattr__(self, name):
        if name in self._fields:
            return tuple.__getitem__(self, self._fields.index(name))
        raise AttributeError(f"there is no output {name}; the outputs are {', '.join(self._fields)}")

    def keys(self):
        return self._fields

    def _asdict(self):
        return dict(zip(self._fields, self))

    def __repr__(self):
        return f"Answer({', '.join(f'{name}={value!r}' for name, value in zip(self._fields, self))})"

    def __reduce__(self):
        return _again, (self._fields, tuple(self), self.trace)

    def __dir__(self):
        return [*super().__dir__(), *self._fields]

    @staticmethod
    def trace_of(steps):
        return [StepTime(*step) for step in steps]


Answer.__module__ = "leat"


def answer_type(names):
    return type("Answer", (Answer,), {"_fields": tuple(names), "__module__": "leat",
                                      "__doc__": Answer.__doc__})


def _again(names, values, trace):
    answer = answer_type(names)(values)
    answer.trace = trace
    return answer
