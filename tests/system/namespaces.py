"""Machines of a test's own: network namespaces, each with a cable to this one and nothing else.

Needs root and `ip` (iproute2). A machine without them cannot show what these tests show: they fail there.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

PREFIX_LENGTH = 24
MISSING = "`ip` was not found and could not be installed: install iproute2"


@dataclass(frozen=True)
class Network:
    """`address` is this machine's, `network` all of it. `enter` has, by machine, the words before a command there."""

    address: str
    network: str
    enter: dict[str, list[str]]


@contextmanager
def machines(*names: str) -> Iterator[Network]:
    """Machines on a network of their own, which end with the block. Raises `AssertionError` where that cannot be."""
    if os.geteuid() != 0:  # in CI a skipped test is a failure
        pytest.skip("only root may make network namespaces: run this test as root, as CI does")
    _have_ip()
    # 198.18.0.0/15 is for tests of networks (RFC 2544): nothing real is there.
    tag, third = f"{os.getpid() % 100000}", random.randrange(256)
    base = f"198.18.{third}"
    bridge = f"hsib{tag}"
    with ExitStack() as undo:
        _ip("link", "add", bridge, "type", "bridge")
        undo.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{base}.1/{PREFIX_LENGTH}", "dev", bridge)
        _ip("link", "set", bridge, "up")
        enter = {}
        for number, name in enumerate(names, start=2):
            space, near, far = f"hsi-{tag}-{name}", f"hsin{tag}{number}", f"hsif{tag}{number}"
            _ip("netns", "add", space)
            undo.callback(_ip, "netns", "del", space)
            _ip("link", "add", near, "type", "veth", "peer", "name", far)
            undo.callback(_ip, "link", "del", near)
            _ip("link", "set", far, "netns", space)
            _ip("link", "set", near, "master", bridge, "up")
            for command in (
                ["addr", "add", f"{base}.{number}/{PREFIX_LENGTH}", "dev", far],
                ["link", "set", far, "up"],
                ["link", "set", "lo", "up"],
            ):
                _ip("-n", space, *command)
            enter[name] = ["ip", "netns", "exec", space]
        yield Network(f"{base}.1", f"{base}.0/{PREFIX_LENGTH}", enter)


def _have_ip() -> None:
    if shutil.which("ip"):
        return
    apt = shutil.which("apt-get")
    if apt:
        subprocess.run([apt, "install", "-y", "--no-install-recommends", "iproute2"], check=False, timeout=300)
    assert shutil.which("ip"), MISSING


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
