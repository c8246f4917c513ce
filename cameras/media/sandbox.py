"""Restrict the decoder process: it can open no file, use no network and inspect no other process.

Linux enforces that with Landlock (files) and seccomp (system calls). Both are requested through libc and need no
privilege. `Restrictions` reports what the kernel supports, so that it can be shown.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_NOBODY_ID = 65534
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# What each version of Landlock can restrict (include/uapi/linux/landlock.h).
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
_NETWORK_RIGHTS, _SCOPES = 0b11, 0b11  # TCP since version 4; signals and abstract sockets since version 6
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2

# socket, connect, bind, execve, execveat, ptrace, process_vm_readv, process_vm_writev, io_uring_setup, pidfd_open,
# pidfd_getfd, add_key, request_key, keyctl, mount, unshare, setns, bpf, perf_event_open, open_by_handle_at
_AUDIT_AND_CALLS = {
    "x86_64": (
        0xC000003E,
        (41, 42, 49, 59, 322, 101, 310, 311, 425, 434, 438, 248, 249, 250, 165, 272, 308, 321, 298, 304),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 203, 200, 221, 281, 117, 270, 271, 425, 434, 438, 217, 218, 219, 40, 97, 268, 280, 241, 265),
    ),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _DENY = 0x7FFF0000, 0x00050001  # denied with EPERM
_FOREIGN_CALLS_FROM = 0x40000000  # x32 has its own numbers


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What keeps the process from files and from the network. "" means nothing does."""

    files: str = ""
    network: str = ""


def landlock_version() -> int:
    """Return 0 if the kernel has no Landlock, or has it switched off."""
    return max(0, _system_call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def enter(readable: Iterable[Path]) -> Restrictions:
    """Restrict this process, for good, to reading files below `readable`."""
    if _libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Restrictions(files=_drop_privileges())
    version = landlock_version()
    files = f"Landlock {version}" if version and _restrict_files(version, readable) else _drop_privileges()
    network = "seccomp" if _filter_system_calls() else f"Landlock {version}" if files and version >= 4 else ""
    return Restrictions(files, network)


def _restrict_files(version: int, readable: Iterable[Path]) -> bool:
    rights = (1 << _FILE_RIGHTS[max(supported for supported in _FILE_RIGHTS if supported <= version)]) - 1
    attributes = struct.pack("=Q", rights)
    if version >= 4:
        attributes += struct.pack("=Q", _NETWORK_RIGHTS)
    if version >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = _system_call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        return _system_call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _system_call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", _READ_FILE | _READ_DIR, folder), 0)
        finally:
            os.close(folder)


def can_drop_privileges() -> bool:
    """Return whether this process may become another user."""
    return os.geteuid() == 0


def _drop_privileges() -> str:
    """Become a user without files. This is the fallback for root on a kernel without Landlock."""
    if not can_drop_privileges():
        return ""
    try:
        os.setgroups([])
        os.setresgid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
        os.setresuid(_NOBODY_ID, _NOBODY_ID, _NOBODY_ID)
    except OSError:
        return ""
    return "another user"


def _filter_system_calls() -> bool:
    """Refuse system calls that decoding does not need. Return False if that is not possible."""
    audit, calls = _AUDIT_AND_CALLS.get(platform.machine(), (0, ()))
    if not calls:
        return False
    # An instruction: (code, jump if true, jump if false, operand). The last two are: allow, deny.
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 0, len(calls) + 3, audit), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, len(calls) + 1, 0, _FOREIGN_CALLS_FROM))
    steps += [(_EQUAL, len(calls) - place, 0, number) for place, number in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = struct.pack("@HP", len(steps), ctypes.addressof(program))
    return bool(_libc().prctl(_SET_SECCOMP, _FILTER, header, 0, 0) == 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _system_call(number: int, *arguments: bytes | int | None) -> int:
    """Make a system call that libc does not wrap. Return -1 if it fails, or on other systems than Linux."""
    if platform.system() != "Linux":
        return -1
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *words))
