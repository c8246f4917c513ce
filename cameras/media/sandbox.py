"""What the process that decodes can no longer do: open a file, reach the network, look into another process.

Linux keeps it from files with Landlock and from system calls with seccomp; both are asked for through libc, and
neither needs a right. What a kernel does not have is told, so that it can be shown: `Walls` says what stands.
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

_NOBODY = 65534
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# What each version of Landlock can keep a process from (include/uapi/linux/landlock.h).
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
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # the latter with EPERM
_FOREIGN_CALLS_FROM = 0x40000000  # x32, with numbers of its own


@dataclass(frozen=True, slots=True)
class Walls:
    """What keeps the process from files and from the network; "" where nothing does."""

    files: str = ""
    network: str = ""


def landlock_version() -> int:
    """0 where this kernel has no Landlock, or has it switched off."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def enter(readable: Iterable[Path]) -> Walls:
    """From now on, this process opens no file but to read below `readable`. There is no way back."""
    if _libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Walls(files=_become_nobody())
    version = landlock_version()
    files = f"Landlock {version}" if version and _restrict(version, readable) else _become_nobody()
    network = "seccomp" if _filter_calls() else f"Landlock {version}" if files and version >= 4 else ""
    return Walls(files, network)


def _restrict(version: int, readable: Iterable[Path]) -> bool:
    rights = (1 << _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]) - 1
    attributes = struct.pack("=Q", rights)
    if version >= 4:
        attributes += struct.pack("=Q", _NETWORK_RIGHTS)
    if version >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(ruleset, path)
        return _call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", _READ_FILE | _READ_DIR, folder), 0)
        finally:
            os.close(folder)


def becomes_nobody() -> bool:
    """Whether this process has the right to become another user."""
    return os.geteuid() == 0


def _become_nobody() -> str:
    """Without Landlock, root at least becomes a user whom nothing belongs to."""
    if not becomes_nobody():
        return ""
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return ""
    return "another user"


def _filter_calls() -> bool:
    """Refuse system calls that decoding has no use for. False where that cannot be."""
    audit, calls = _AUDIT_AND_CALLS.get(platform.machine(), (0, ()))
    if not calls:
        return False
    # A step: (code, how many steps to skip if true, if false, operand). The last two are: allow, refuse.
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 0, len(calls) + 3, audit), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, len(calls) + 1, 0, _FOREIGN_CALLS_FROM))
    steps += [(_EQUAL, len(calls) - place, 0, number) for place, number in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = struct.pack("@HP", len(steps), ctypes.addressof(program))
    return bool(_libc().prctl(_SET_SECCOMP, _FILTER, header, 0, 0) == 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: bytes | int | None) -> int:
    """A system call that libc has no name for; -1 where it fails, or where this is no Linux."""
    if platform.system() != "Linux":
        return -1
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *words))
