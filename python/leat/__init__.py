"""leat runs a whole machine-learning pipeline as one declared graph: decode, prepare, models,
post-process, answer.

    import leat

    pipeline = leat.Pipeline("faces.yaml")      # or from a dict, or built in code
    boxes = pipeline(photo=data)                # submit(), await infer(), map()

    image = leat.image.decode(data)             # every operator as a function on arrays
    view = leat.image.to_tensor(image, width=224, height=224, mean=127.5, std=127.5)

    with leat.serve("faces.yaml") as server:    # over HTTP, from this process
        leat.Client(server.url).run("faces", photo=data)

    @leat.step                                  # a function as a step of a pipeline
    def brightness(image: "IMAGE") -> {"brightness": "FP32"}: ...

image, detect, tensor and text are the families of operators; help(leat.image) lists one, and
help(leat.image.to_tensor) tells everything of one. docs/python.md has the rules on copies, threads
and forks.

Importing leat loads no compiled part: that comes with the first use of anything but leat.step, so
that the file of a step may import leat anywhere.
"""

import importlib as _importlib
import sys as _sys

from leat import _families
from leat._step import step

# Where what users use is.
_HOMES = {
    "Answer": "_answer", "StepTime": "_answer",
    "Engine": "_engine", "default_engine": "_engine",
    "Pipeline": "_pipeline", "Future": "_pipeline",
    "Server": "_server", "serve": "_server",
    "Client": "_client",
    "Error": "_errors", "BadInput": "_errors", "NotFound": "_errors", "TooLarge": "_errors",
    "BadMedia": "_errors", "Overloaded": "_errors", "Deadline": "_errors",
    "Cancelled": "_errors", "StepFailed": "_errors", "Unavailable": "_errors",
    "Unsupported": "_errors", "Internal": "_errors",
}

__all__ = ["step", *_HOMES]

_sys.meta_path.append(_families.Finder())


def __getattr__(name):
    if name in _HOMES:
        value = getattr(_importlib.import_module(f"leat.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from leat import _leat

        return _leat.version
    if not name.startswith("_") and name in _families.names():
        return _importlib.import_module(f"leat.{name}")
    raise AttributeError(f"module 'leat' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, *_families.names(), "__version__"})
