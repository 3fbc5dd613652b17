"""Where the program leat of this package is."""

import os


def worker_program():
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "leat")
    return program if os.access(program, os.X_OK) else ""
