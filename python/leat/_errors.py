"""What goes wrong. Each kind has a code, the one that answers over HTTP carry."""


class Error(Exception):
    """Of anything in leat. `code` is stable, the text is for people."""

    code = "internal"

    def __init__(self, message="", code=None):
        super().__init__(message)
        if code is not None:
            self.code = code

    def __reduce__(self):
        return made, (self.code, str(self))

    def __str__(self):
        return str(self.args[0]) if self.args else ""


class BadInput(Error, ValueError):
    """A caller's or a file's value, shape, type or name is wrong."""

    code = "bad_input"


class NotFound(Error, LookupError):
    """No such pipeline, version, step or file."""

    code = "not_found"


class TooLarge(Error, ValueError):
    """Over a limit of size."""

    code = "too_large"


class BadMedia(Error, ValueError):
    """Not a picture (sound, video) that can be read."""

    code = "bad_media"


class Overloaded(Error):
    """A queue is full or a limit reached: try again later."""

    code = "overloaded"


class Deadline(Error, TimeoutError):
    """Past the deadline."""

    code = "deadline"


class Cancelled(Error):
    """The call was given up."""

    code = "cancelled"


class StepFailed(Error, RuntimeError):
    """A step of the pipeline failed on this item."""

    code = "step_failed"


class Unavailable(Error, RuntimeError):
    """Loading, shutting down, or made before a fork."""

    code = "unavailable"


class Unsupported(Error, NotImplementedError):
    """Not in this build."""

    code = "unsupported"


class Internal(Error, RuntimeError):
    """A defect of leat."""

    code = "internal"


KINDS = {kind.code: kind for kind in (
    BadInput, NotFound, TooLarge, BadMedia, Overloaded, Deadline, Cancelled, StepFailed,
    Unavailable, Unsupported, Internal)}


def made(code, message):
    """The exception of a code; a plain Error with it where there is no class of its own."""
    kind = KINDS.get(code)
    return kind(message) if kind else Error(message, code)


for _kind in (Error, *KINDS.values()):
    _kind.__module__ = "leat"
del _kind
