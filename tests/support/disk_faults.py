"""Errors of the disk at the n-th operation of a process below a folder.

The kernel is told to ask before each operation on files (seccomp, Linux 5.5 and newer), so those of HDF5, Arrow, Rust
and the C library are seen as those of Python are, without a compiler. Elsewhere `unavailable` says why it cannot be.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

ERRORS: Final = ("ENOSPC", "EIO", "EDQUOT", "ESTALE", "EMFILE")
# Numbers of the system calls of 64-bit processors, by what they do.
_X86: Final = {
    "write": (1, 18, 20, 40, 296, 326),
    "close": (3,),
    "fsync": (74, 75),
    "rename": (82, 264, 316),
    "open": (2, 257),
    "mkdir": (83, 258),
    "mmap": (9,),
    "truncate": (76, 77, 285),
}
_ARM: Final = {
    "write": (64, 68, 66, 71, 70, 285),
    "close": (57,),
    "fsync": (82, 83),
    "rename": (38, 276),
    "open": (56,),
    "mkdir": (34,),
    "mmap": (222,),
    "truncate": (45, 46, 47),
}
_MACHINES: Final = {"x86_64": (_X86, 317), "aarch64": (_ARM, 277)}
_CALLS, _SECCOMP = _MACHINES.get(platform.machine(), ({}, 0))
_KIND: Final = {number: kind for kind, numbers in _CALLS.items() for number in numbers}
# Those whose paths are arguments: the position of each, and of the folder that it is relative to.
_PATHS: Final = (
    {2: (0, None), 257: (1, 0), 82: (1, None), 264: (3, 2), 316: (3, 2), 83: (0, None), 258: (1, 0), 76: (0, None)}
    if platform.machine() == "x86_64"
    else {56: (1, 0), 38: (3, 2), 276: (3, 2), 34: (1, 0), 45: (0, None)}
)
_COPIES_FROM_FIRST: Final = {326, 285} & {number for numbers in _CALLS.values() for number in numbers}
_RECEIVE, _SEND, _SET_FLAGS, _CONTINUE = 0xC0502100, 0xC0182101, 0x40082104, 1
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_NEED_ROOM: Final = ("write", "create", "mkdir")
_DEADLINE: Final = 120.0  # seconds, after which a process is ended


@dataclass(frozen=True)
class Fault:
    """An error of the `at`-th operation, counted from 1; with `lasting`, also of all later ones that need room."""

    at: int
    error: str
    lasting: bool = False


@dataclass
class Outcome:
    """How a process ended: exit code (negative: the signal), what it printed, its operations, and which failed."""

    code: int = 0
    out: str = ""
    err: str = ""
    operations: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@cache
def unavailable() -> str:
    """Why errors cannot be injected here; empty where they can."""
    if sys.platform != "linux" or not _CALLS:
        return f"errors of the disk are injected on Linux only, not on {sys.platform} {platform.machine()}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = run(lambda: Path(folder, "a").write_text("a"), Path(folder), Fault(1, "ENOSPC"))
        except OSError as error:
            return f"this system does not let a process be asked about (seccomp: {error})"
    return "" if "No space left" in outcome.err else f"seccomp does not work here: {outcome.err.strip()[-200:]}"


def run(work: Callable[[], Any], folder: Path, fault: Fault | None = None) -> Outcome:
    """Do work in a process of its own, with an error of the disk below `folder`."""
    outcome, (ours, theirs) = Outcome(), socket.socketpair()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, ours:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            ours.close()
            _be_child(work, theirs, out.fileno(), err.fileno())
        theirs.close()
        ours.settimeout(_DEADLINE)
        listener = next(iter(socket.recv_fds(ours, 1, 1)[1]), -1)
        try:
            status = _serve(child, listener, str(folder.resolve()), fault, outcome) if listener >= 0 else None
        finally:
            if listener >= 0:
                os.close(listener)
        status = os.waitpid(child, 0)[1] if status is None else status
        outcome.code = os.waitstatus_to_exitcode(status)
        for said, name in ((out, "out"), (err, "err")):
            said.seek(0)
            setattr(outcome, name, said.read().decode("utf-8", "replace"))
    if listener < 0:
        raise OSError(outcome.err.strip())
    return outcome


def _be_child(work: Callable[[], Any], parent: socket.socket, out: int, err: int) -> None:
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        listener = _ask_parent()
        socket.send_fds(parent, [b"x"], [listener])
        os.close(listener)
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class _Step(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Step))]


class _Question(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint64),
        ("pid", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("number", ctypes.c_int32),
        ("machine", ctypes.c_uint32),
        ("address", ctypes.c_uint64),
        ("given", ctypes.c_uint64 * 6),
    ]


class _Answer(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint64),
        ("value", ctypes.c_int64),
        ("error", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


def _ask_parent() -> int:
    """Have the kernel ask about this process from now on; returns what the answers are given through."""
    load, equal, give = 0x20, 0x15, 0x06
    numbers = [number for number in _KIND if _KIND[number] != "mmap"]
    steps = [(load, 0, 0, 0)]
    steps += [(equal, len(numbers) + 3 - i, 0, number) for i, number in enumerate(numbers)]
    # mmap only where it is of a file: else it is how memory is taken.
    steps += [(equal, 0, 2, _CALLS["mmap"][0]), (load, 0, 0, 48), (equal, 0, 1, 0xFFFFFFFF)]
    steps += [(give, 0, 0, _ALLOW), (give, 0, 0, _ASK)]
    program = _Program(len(steps), (_Step * len(steps))(*(_Step(*step) for step in steps)))
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "prctl")
    listener = system.syscall(_SECCOMP, 1, 8, ctypes.byref(program))  # a filter, with a listener
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(listener)


def _serve(child: int, listener: int, folder: str, fault: Fault | None, outcome: Outcome) -> int | None:
    """Answer every question of a process until it ends; returns its status, if it was waited for."""
    with suppress(OSError):  # Linux 6.6: whoever answers is woken at once, also where other programs use the processors
        fcntl.ioctl(listener, _SET_FLAGS, struct.pack("Q", 1))
    poll, end = select.poll(), time.monotonic() + _DEADLINE
    poll.register(listener, select.POLLIN)
    while True:
        events = poll.poll(200)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            return None
        if not events:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status
            continue
        if not events[0][1] & select.POLLIN:
            return None
        question = _Question()
        try:
            fcntl.ioctl(listener, _RECEIVE, question)
        except OSError:  # the process was ended meanwhile
            continue
        answer = _Answer(question.id, 0, 0, _CONTINUE)
        if _fails(question, folder, fault, outcome):
            assert fault is not None
            answer = _Answer(question.id, 0, -getattr(errno, fault.error), 0)
        with suppress(FileNotFoundError):
            fcntl.ioctl(listener, _SEND, answer)


def _fails(question: _Question, folder: str, fault: Fault | None, outcome: Outcome) -> bool:
    operation = _operation(question, folder)
    if operation is None:
        return False
    outcome.operations.append(operation)
    if fault is None:
        return False
    number = len(outcome.operations)
    if number == fault.at or (number > fault.at and fault.lasting and operation[0] in _NEED_ROOM):
        outcome.failed.append(operation)
        return True
    return False


def _operation(question: _Question, folder: str) -> tuple[str, str] | None:
    """What is to be done and where, below `folder`; None where it is elsewhere, or nothing that is counted."""
    kind, process, given = _KIND[question.number], question.pid, question.given
    try:
        if question.number in _PATHS:
            place, start = _PATHS[question.number]
            path = _text(process, given[place])
            if not path.startswith("/"):
                beside = -100 if start is None else ctypes.c_int32(given[start]).value
                start_of = "cwd" if beside == -100 else f"fd/{beside}"
                path = f"{os.readlink(f'/proc/{process}/{start_of}')}/{path}"
            path = os.path.normpath(path)
        else:
            number = given[4] if kind == "mmap" else given[2 if question.number in _COPIES_FROM_FIRST else 0]
            path = os.readlink(f"/proc/{process}/fd/{ctypes.c_int32(number).value}")
    except OSError:
        return None
    if not path.startswith(f"{folder}/"):
        return None
    if kind == "open":
        flags = ctypes.c_int32(given[2 if question.number != 2 else 1]).value
        if not os.path.lexists(path):
            kind = "create" if flags & os.O_CREAT else ""
        elif not flags & (os.O_WRONLY | os.O_RDWR):
            kind = "look" if os.path.isfile(path) else ""
    elif kind == "close":
        with suppress(OSError), open(f"/proc/{process}/fdinfo/{ctypes.c_int32(number).value}") as told:
            flags = int(told.read().split("flags:")[1].split()[0], 8)
            kind = kind if flags & (os.O_WRONLY | os.O_RDWR) else ""
    return (kind, path[len(folder) + 1 :]) if kind else None


def _text(process: int, address: int) -> str:
    """The text at an address of a process."""
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        text = b""
        while b"\0" not in text:
            memory.seek(address + len(text))
            text += memory.read(min(256, 4096 - (address + len(text)) % 4096))
    return os.fsdecode(text.partition(b"\0")[0])
