"""The command `leat`: the program that came along."""

import os
import sys

from leat._where import worker_program


def main():
    program = worker_program()
    if not program:
        sys.exit("leat: this installation has no program: pip install it again")
    os.environ.setdefault("LEAT_PYTHON", sys.executable)
    os.execv(program, ["leat", *sys.argv[1:]])
