"""The process: attaches to the server that has started it, and runs what comes."""

import ctypes
import os
import signal
import struct
import sys
import time

import leat_step
from leat_step.failures import last_line, print_traceback
from leat_step.link import FREE, MAP, RUN, UNMAP, Link

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_NO_NEW_PRIVS = 1, 15, 38
SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 317, 1, 1  # x86-64
NOBODY = 65534


def main():
    try:
        serve(*attach())
    except SystemExit as end:
        status = end.code
    except BaseException as error:
        print_traceback(error)
        status = 1
    if not isinstance(status, int):
        if status is not None:
            print(status, file=sys.stderr)
        status = 0 if status is None else 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, or closed
            pass
    os._exit(status & 0xFF)  # without waiting for threads of the step


def attach():
    variable = os.environ.get("LEAT_WORKER", "").split()
    if len(variable) < 3:
        sys.exit("this is started by leat, which sets LEAT_WORKER; by itself it does nothing")
    # Whatever ends the server ends this process; the server may have gone before this line.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(variable[0]):
        sys.exit("the server has gone")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's; the server ends its workers
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    link = Link(int(variable[1]), int(variable[2]))
    leat_step._arena = link.arena
    os.register_at_fork(after_in_child=forget)
    return link, variable[3:4] == ["1"]


def forget():
    """In a process that the step has forked, which has no part in this one's memory."""
    leat_step._arena = None


def serve(link, sandboxed):
    step = None
    while True:
        kind, count, number, offset, length, items = link.next()
        if kind == RUN and step is None:
            step = begin(link, number, link.texts(link.wires(offset, 1)[0]), sandboxed)
        elif kind == RUN:
            step.run(number, link.wires(offset, count), items)
        elif kind == FREE:
            link.free(offset)
        elif kind == MAP:
            link.map(number, length)
        elif kind == UNMAP:
            link.unmap(number)


def begin(link, number, setup, sandboxed):
    """The step, or None when the server has been told why there is none."""
    try:
        setup = [text.decode("utf-8", "surrogateescape") for text in setup]
        ctypes.CDLL(None).prctl(PR_SET_NAME, setup[1].encode()[:15])
        if sys.version_info < (3, 9):
            version = sys.version.split()[0]
            raise ImportError(f"a step needs Python 3.9 or later; {sys.executable} is {version}")
        try:
            import numpy  # noqa: F401
        except ImportError as error:
            why = f"{error}; a step needs it: {sys.executable} -m pip install numpy"
            raise ImportError(why) from None
        from leat_step.step import Step

        step = Step(link, setup)
        if sandboxed:
            enter_sandbox(setup[-1].encode("utf-8", "surrogateescape"))
        step.introduce(number)
        return step
    except (Exception, SystemExit) as error:
        print_traceback(error)
        link.fail(number, last_line(error))
        return None


def enter_sandbox(code):
    """Everything has been imported; from here on untrusted input is read. As enter_sandbox() of
    src/worker/sandbox.h, with the filter that the server has given."""
    libc, server = ctypes.CDLL(None, use_errno=True), os.getppid()

    def must(result, what):
        if result != 0:
            raise OSError(ctypes.get_errno(), f"the sandbox: {what}: {os.strerror(ctypes.get_errno())}")

    time.tzset()  # reads a file
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl(PR_SET_PDEATHSIG)")  # forgotten so
    if os.getppid() != server:
        sys.exit("the server has gone")
    code = code[:4] + struct.pack("<I", os.getpid()) + code[8:]
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(kept))
    must(libc.syscall(SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program), "seccomp")
