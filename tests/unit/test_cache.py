"""The cache of generated and compiled code: what runs is what was generated, whatever the files say.

The truth of each test is the text that was given: a kernel compiled from it returns what Python returns.
"""

import os
import sys
import types

import numpy as np
import pytest

from neuropil.codegen import cache
from neuropil.codegen.cache import load, path_of
from neuropil.codegen.kernel_cache import KernelFiles
from neuropil.kept_files import directory, read_own

SOURCE = """
from neuropil.codegen.kernel_cache import cached_njit


@cached_njit()
def law(x):
    return 3 * x + {number}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache directory of this test alone."""
    monkeypatch.setenv("NEUROPIL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fresh(name: str, source: str) -> types.ModuleType:
    """The module as another process would load it."""
    sys.modules.pop(f"neuropil_generated.{path_of(name, source).stem}", None)
    return load(name, source)


def test_a_kernel_is_compiled_once_and_again_when_its_files_were_touched(own):
    source = SOURCE.format(number=4)
    first = fresh("test", source)
    assert first.law(2) == 10 and first.law.stats.cache_hits.total() == 0
    second = fresh("test", source)
    assert second.law(2) == 10 and second.law.stats.cache_hits.total() == 1
    (data,) = (own / "__pycache__").glob("*.nbc")
    data.write_bytes(data.read_bytes()[:-1])
    third = fresh("test", source)
    assert third.law(2) == 10 and third.law.stats.cache_hits.total() == 0


def test_the_files_of_a_kernel_are_the_users_alone(own):
    fresh("test", SOURCE.format(number=5)).law(1)
    found = [own, *own.rglob("*")]
    assert len(found) == 5  # the directory, the module, the folder of kernels, an index and a kernel
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)


def test_a_changed_module_does_not_run_and_is_written_anew(own):
    source = "value = 1\n"
    path = path_of("../../odd name", source)
    assert path.parent == own
    path.write_text("raise SystemExit('foreign code ran')\n")
    assert fresh("../../odd name", source).value == 1
    assert path.read_text() == source


def test_no_flipped_bit_of_a_kernel_file_is_believed(own):
    """Of the index a flip may cost the entry, of the data always the content; none gives another content."""
    files = KernelFiles(directory() / "__pycache__", "kernel")
    content = {"code": bytes(range(256)), "number": 7}
    files.save("key", content)
    assert files.load("key") == content and files.load("other") is None
    random = np.random.default_rng(1)
    (data,) = (own / "__pycache__").glob("*.nbc")
    for path in (data, files.index):
        good = path.read_bytes()
        for _ in range(100):
            bad = bytearray(good)
            bad[random.integers(len(good))] ^= 1 << random.integers(8)
            path.write_bytes(bad)
            assert files.load("key") is None
        for length in (0, 10, len(good) - 1):
            path.write_bytes(good[:length])
            assert files.load("key") is None
        path.write_bytes(good)
        assert files.load("key") == content
    files.save("other", {"number": 8})
    (other,) = set((own / "__pycache__").glob("*.nbc")) - {data}
    data.write_bytes(other.read_bytes())  # whole, but of another kernel
    assert files.load("key") is None


def test_a_file_that_others_could_write_is_not_read(own):
    files = KernelFiles(directory() / "__pycache__", "kernel")
    files.save("key", 1)
    assert files.load("key") == 1
    files.index.chmod(0o666)
    assert files.load("key") is None
    target = own / "link.py"
    target.symlink_to(files.index)
    assert read_own(target) is None


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_directory_that_others_could_write_is_not_used(own, mode):
    own.mkdir()
    own.chmod(mode)
    with pytest.warns(UserWarning, match="others may write to it.*chmod 700"):
        used = directory()
    assert used != own and used.stat().st_mode & 0o077 == 0
    assert directory() == used  # and one for the whole process
    assert fresh("test", "value = 2\n").value == 2
    assert not any(own.iterdir())


def test_a_directory_of_another_user_is_not_used(own, monkeypatch):
    own.mkdir(mode=0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert directory() != own


def test_without_a_choice_it_lies_among_the_users_caches(tmp_path, monkeypatch):
    """Where XDG_CACHE_HOME says, else in .cache in HOME; without either a temporary directory serves (on Linux)."""
    if not sys.platform.startswith("linux"):
        pytest.skip("paths of Linux")
    monkeypatch.setenv("NEUROPIL_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert directory() == tmp_path / "caches" / "neuropil"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert directory() == tmp_path / ".cache" / "neuropil"
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    with pytest.warns(UserWarning, match="home directory is not known"):
        assert directory().is_absolute()


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_directory_that_cannot_be_made_is_done_without(tmp_path, monkeypatch, path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEUROPIL_CACHE", str(tmp_path / path))
    with pytest.warns(UserWarning, match="is not used"):
        assert directory().is_dir()


def test_a_cache_without_room_costs_time_alone(own):
    """Here its folder of kernels is a file, which refuses as a full disk does."""
    own.mkdir(mode=0o700)
    (own / "__pycache__").touch()
    with pytest.warns(UserWarning, match="cannot be written"):
        assert fresh("test", SOURCE.format(number=6)).law(1) == 9


def test_a_module_that_fails_leaves_nothing_behind(own):
    with pytest.raises(ZeroDivisionError):
        fresh("test", "1 / 0\n")
    assert f"neuropil_generated.{path_of('test', '1 / 0' + chr(10)).stem}" not in sys.modules
    assert cache.library() == cache.library()
