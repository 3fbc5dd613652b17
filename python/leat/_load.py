"""Loads the compiled part, and ends it with the process."""

import atexit

from leat import _leat

atexit.register(_leat.close)

__all__ = ["_leat"]
