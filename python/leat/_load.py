"""Loads the compiled part, and keeps it right across forks and at the end of the process."""

import atexit
import os

from leat import _leat

os.register_at_fork(before=_leat.before_fork, after_in_parent=_leat.after_fork_in_parent,
                    after_in_child=_leat.after_fork_in_child)
atexit.register(_leat.close)

__all__ = ["_leat"]
