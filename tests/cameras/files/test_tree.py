"""Reaching files below the root, with names and links that want out of it."""

# Names of any bytes need the functions of os.
# ruff: noqa: PTH103, PTH118, PTH120, PTH123, PTH208

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.files.paths import MAX_DEPTH, OutsideTreeError, decode_path, encode_path
from cameras.files.tree import NotAFileError, ReplacedError, Tree, atomic_write
from cameras.files.walk import Entry, identity

ODD_NAMES = [
    b"two\nlines.jpg",
    b"\"quoted\" 'twice'.jpg",
    b"-rf.jpg",
    b"back\\slash\\x41.jpg",
    b"not utf-8 \xff\xfe.jpg",
    b"[M][0@0][0].jpg",
    "Haustür 门.jpg".encode(),
    b"\xff" * 255,
    b"a" * 251 + b".jpg",
    b"...",
    b" ",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cameras"
    folder.mkdir()
    return folder


def put(root: Path, relative: bytes, content: bytes = b"content") -> str:
    path = os.path.join(os.fsencode(root), relative)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return encode_path(relative)


@given(st.binary())
def test_every_path_survives_the_way_through_text(raw: bytes) -> None:
    text = encode_path(raw)

    assert decode_path(text) == raw
    assert "\0" not in text
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text(alphabet="aZ0 _-./[]'äß門é"))
def test_readable_names_stay_readable(text: str) -> None:
    assert encode_path(text.encode()) == text


@pytest.mark.parametrize("text", ["\\x41", "\\", "\\q", "\\xFF", "\\xff\\", "\udcff", "\0", "\\xc3\\xa4"])
def test_a_second_text_of_the_same_path_is_refused(text: str) -> None:
    with pytest.raises(OutsideTreeError):
        decode_path(text)


@given(st.text(alphabet="\\x0123456789abcdef/.ä\udcff\0"))
def test_any_text_is_a_path_in_one_way_or_refused(text: str) -> None:
    try:
        raw = decode_path(text)
    except OutsideTreeError:
        return
    assert encode_path(raw) == text


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_ordinary_names(root: Path, tmp_path: Path, name: bytes) -> None:
    tree = Tree(root)
    path = put(root, b"front/" + name)

    assert [(e.path, e.size) for e in tree.walk()] == [(path, 7)]
    stamp = tree.stamp(path)
    assert stamp is not None
    assert stamp[0] == 7
    with tree.open(path) as file:
        assert file.read() == b"content"
    tree.move(path, tmp_path / "quarantine" / "1.jpg")
    assert (tmp_path / "quarantine" / "1.jpg").read_bytes() == b"content"
    path = put(root, b"front/" + name)
    tree.remove(path)
    assert list(tree.walk()) == []


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "front/../../secret.jpg",
        "/etc/passwd",
        "front//a.jpg",
        "front/./a.jpg",
        "..",
        ".",
        "",
        "front/",
        "\\x2e\\x2e/secret.jpg",
        "front\\x2f..\\x2f..\\x2fsecret.jpg",
        "a\\x00b",
    ],
)
def test_no_path_leads_out(root: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    put(root, b"front/a.jpg")
    tree = Tree(root)

    for reach in (tree.open, tree.remove, lambda path: tree.move(path, tmp_path / "out")):
        with pytest.raises(OutsideTreeError):
            reach(path)
    assert tree.stamp(path) is None
    assert (tmp_path / "secret.jpg").exists()


def test_links_are_never_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, b"secret.jpg", b"secret")
    put(root, b"front/real.jpg")
    (root / "front" / "file.jpg").symlink_to(outside / "secret.jpg")
    (root / "front" / "inside.jpg").symlink_to(root / "front" / "real.jpg")
    (root / "linked").symlink_to(outside)
    (root / "front" / "loop").symlink_to(root)
    tree = Tree(root)

    assert [e.path for e in tree.walk()] == ["front/real.jpg"]
    assert tree.folders() == ["front"]
    assert list(tree.walk("linked")) == []
    for path in ("front/file.jpg", "front/inside.jpg", "linked/secret.jpg", "front/loop/front/real.jpg"):
        for reach in (tree.open, tree.remove, lambda path: tree.move(path, tmp_path / "out")):
            with pytest.raises(OutsideTreeError):
                reach(path)
        assert tree.stamp(path) is None
    assert (outside / "secret.jpg").read_bytes() == b"secret"
    assert (root / "front" / "file.jpg").is_symlink()


def test_what_is_no_file_neither_blocks_nor_opens(root: Path) -> None:
    (root / "front" / "folder.jpg").mkdir(parents=True)
    os.mkfifo(root / "front" / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "front" / "s.jpg"))
        tree = Tree(root)

        assert list(tree.walk()) == []
        for name in ("folder.jpg", "fifo.jpg", "s.jpg"):
            with pytest.raises(NotAFileError):
                tree.open(f"front/{name}")
            with pytest.raises(NotAFileError):
                tree.remove(f"front/{name}")
            assert tree.stamp(f"front/{name}") is None


def test_a_missing_file_is_reported_as_gone(root: Path, tmp_path: Path) -> None:
    tree = Tree(root)

    for reach in (tree.open, tree.remove, lambda path: tree.move(path, tmp_path / "out")):
        with pytest.raises(FileNotFoundError):
            reach("front/a.jpg")
    assert tree.stamp("front/a.jpg") is None
    assert not (tmp_path / "out").exists()


def test_a_part_of_the_tree_can_be_walked(root: Path) -> None:
    for path in (b"a/1.jpg", b"a/b/c/2.jpg", b"d/3.jpg", b"4.jpg"):
        put(root, path)
    tree = Tree(root)

    assert {e.path for e in tree.walk("a")} == {"a/1.jpg", "a/b/c/2.jpg"}
    assert {e.path for e in tree.walk("a/b")} == {"a/b/c/2.jpg"}
    assert len(list(tree.walk())) == 4
    assert list(tree.walk("gone")) == []
    assert tree.folders() == ["a", "d"]


def test_the_walk_returns_size_and_time(root: Path) -> None:
    put(root, b"a/1.jpg", b"12345")
    os.utime(root / "a" / "1.jpg", ns=(1, 1_700_000_000_123_456_789))

    assert list(Tree(root).walk()) == [Entry("a/1.jpg", 5, 1_700_000_000_123_456_789)]


def test_a_folder_that_vanishes_does_not_end_the_walk(root: Path) -> None:
    for number in range(20):
        put(root, f"{number:02}/x.jpg".encode())
    entries = Tree(root).walk()
    first = next(entries)
    for folder in root.iterdir():
        if folder.name not in first.path and folder.name != "19":
            (folder / "x.jpg").unlink()
            folder.rmdir()

    assert "19/x.jpg" in {first.path, *(e.path for e in entries)}


def test_folders_too_deep_are_named_and_passed_over(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(root, b"/".join([b"d"] * MAX_DEPTH) + b"/in.jpg")
    put(root, b"/".join([b"d"] * (MAX_DEPTH + 1)) + b"/out.jpg")

    with caplog.at_level(logging.WARNING):
        assert [e.path.rpartition("/")[2] for e in Tree(root).walk()] == ["in.jpg"]
    assert "deeper" in caplog.text


def test_a_missing_root_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(Tree(tmp_path / "gone").walk())
    with pytest.raises(FileNotFoundError):
        Tree(tmp_path / "gone").folders()


def test_walking_leaves_no_file_open(root: Path) -> None:
    for number in range(10):
        put(root, f"a/{number}/x.jpg".encode())
    before = len(os.listdir("/proc/self/fd"))
    tree = Tree(root)
    list(tree.walk())
    entries = tree.walk()
    next(entries)
    entries.close()
    for _ in range(5):
        tree.open("a/1/x.jpg").close()
        tree.stamp("a/1/x.jpg")

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_move_never_overwrites(root: Path, tmp_path: Path) -> None:
    path = put(root, b"a/1.jpg")
    (tmp_path / "taken").write_bytes(b"other")

    with pytest.raises(FileExistsError):
        Tree(root).move(path, tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"other"
    assert (root / "a" / "1.jpg").exists()


def test_only_the_intended_file_is_moved_or_deleted(root: Path, tmp_path: Path) -> None:
    path = put(root, b"a/1.jpg")
    tree = Tree(root)
    meant = identity((root / "a" / "1.jpg").stat())
    put(root, b"a/2.jpg", b"newer")
    (root / "a" / "2.jpg").replace(root / "a" / "1.jpg")

    with pytest.raises(ReplacedError):
        tree.move(path, tmp_path / "out", only=meant)
    with pytest.raises(ReplacedError):
        tree.remove(path, only=meant)
    assert (root / "a" / "1.jpg").read_bytes() == b"newer"
    assert not (tmp_path / "out").exists()


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than `tmp_path`."""
    shared = Path("/dev/shm")
    folder = shared / f"hsi-test-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    assert folder.stat().st_dev != tmp_path.stat().st_dev
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_a_move_to_another_disk_is_a_whole_copy(root: Path, other_disk: Path) -> None:
    content = os.urandom(3 * 1024 * 1024 + 7)
    path = put(root, b"a/1.jpg", content)
    os.utime(root / "a" / "1.jpg", ns=(5, 1_700_000_000_000_000_000))

    Tree(root).move(path, other_disk / "1.jpg")

    assert (other_disk / "1.jpg").read_bytes() == content
    assert (other_disk / "1.jpg").stat().st_mtime_ns == 1_700_000_000_000_000_000
    assert [p.name for p in other_disk.iterdir()] == ["1.jpg"]
    assert not (root / "a" / "1.jpg").exists()


def test_a_file_that_changes_while_it_is_copied_stays(
    root: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(root, b"a/1.jpg", b"old")
    copy = shutil.copyfileobj

    def copy_while_the_camera_overwrites(source, target, length) -> None:
        copy(source, target, length)
        put(root, b"a/new", b"new one")
        (root / "a" / "new").replace(root / "a" / "1.jpg")

    monkeypatch.setattr(shutil, "copyfileobj", copy_while_the_camera_overwrites)
    with pytest.raises(ReplacedError):
        Tree(root).move(path, other_disk / "1.jpg")

    assert (root / "a" / "1.jpg").read_bytes() == b"new one"
    assert list(other_disk.iterdir()) == []


def test_a_full_disk_leaves_the_file_and_no_part_of_a_copy(
    root: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(root, b"a/1.jpg", b"old")

    def full(source, target, length) -> None:
        target.write(b"ol")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        Tree(root).move(path, other_disk / "1.jpg")

    assert (root / "a" / "1.jpg").read_bytes() == b"old"
    assert list(other_disk.iterdir()) == []


def test_a_file_of_ours_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "small.jpg"
    with atomic_write(path) as made:
        made.write_bytes(b"first")
        assert not path.exists()
    with pytest.raises(UnicodeEncodeError), atomic_write(path) as made, made.open("w", encoding="ascii") as file:
        file.write("sö")
    assert path.read_bytes() == b"first"
    assert [one.name for one in path.parent.iterdir()] == ["small.jpg"]


def test_two_that_write_the_same_file_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "small.jpg"
    with atomic_write(path) as one, atomic_write(path) as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]
