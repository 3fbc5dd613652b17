"""What is said of an exception: to the client a line, to the log everything."""

import sys
import traceback


def last_line(error):
    """What ends a traceback, as one line."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its text cannot be had"
    return f"{name}: {text}"[:900] if text else name


def print_traceback(error):
    """From the step's own code on."""
    frames = error.__traceback__
    while frames and frames.tb_next and ours(frames):
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)


def ours(frames):
    package = frames.tb_frame.f_globals.get("__name__", "").split(".")[0]
    return package == "leat_step" or "importlib" in package
