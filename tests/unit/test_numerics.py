"""What generated kernels call: equality with the reference, accuracy, special values, vector code."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding
from numba import njit
from numba.core.errors import TypingError
from scipy.special import expit, ndtri

from neuropil import rng
from neuropil.codegen import numerics as nx

FAST = {"contract", "reassoc", "nsz", "arcp", "afn"}  # what generated kernels use; NaN and infinity keep their meaning
SOURCE = str(Path(rng.__file__).parents[1])

FUNCTIONS = {
    "exp": (np.exp, 1.0, (-87.0, 88.7), (-708.0, 709.7)),
    "exp2": (np.exp2, 1.0, (-125.9, 127.9), (-1021.9, 1023.9)),
    "expm1": (np.expm1, 2.0, (-87.0, 88.7), (-708.0, 709.7)),
    "log": (np.log, 1.0, (0.0, 3e38), (0.0, 1.7e308)),
    "log1p": (np.log1p, 1.5, (-1.0, 3e38), (-1.0, 1.7e308)),
    "tanh": (np.tanh, 2.5, (-12.0, 12.0), (-22.0, 22.0)),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), 2.5, (-87.0, 30.0), (-708.0, 40.0)),
}

needs_x86_vectors = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not binding.get_host_cpu_features().get("avx2", False),
    reason="reads x86 batch; this processor has no AVX2",
)


def elementwise(function, fastmath=FAST):
    """A kernel that applies `function` to x and writes y."""

    @njit(fastmath=fastmath, error_model="numpy")
    def kernel(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    return kernel


def apply(function, x, dtype=None, fastmath=FAST):
    y = np.empty(x.shape, dtype or x.dtype)
    elementwise(function, fastmath)(x, y)
    return y


def sample(name: str, dtype) -> np.ndarray:
    """300,000 arguments: across the range, near zero and near one, on a logarithmic scale."""
    draw = np.random.default_rng(3)
    low, high = FUNCTIONS[name][2 if dtype == np.float32 else 3]
    wide = draw.uniform(max(low, -1e3), min(high, 1e3), 100_000)
    near_one = draw.uniform(-1.2, 1.2, 100_000) + (1.2 if name == "log" else 0.0)
    decades = 30 if dtype == np.float32 else 300
    scaled = 10.0 ** draw.uniform(-decades, np.log10(high), 100_000) * draw.choice([-1, 1], 100_000)
    x = np.concatenate([wide, near_one, scaled]).astype(dtype)
    return x[(x > low) & (x < high)]


def error_in_ulp(y: np.ndarray, exact: np.ndarray) -> float:
    """Largest error in units of the last place of y's type."""
    ulp = np.spacing(np.maximum(np.abs(exact.astype(y.dtype)), np.finfo(y.dtype).tiny)).astype(exact.dtype)
    return float(np.max(np.abs(y.astype(exact.dtype) - exact) / ulp))


@pytest.mark.parametrize("fastmath", [False, FAST], ids=["strict", "fast"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name, dtype, fastmath):
    if dtype == np.float64 and np.finfo(np.longdouble).nmant < 60:
        pytest.skip("no long double to compare with on this platform")
    reference, bound, *_ = FUNCTIONS[name]
    x = sample(name, dtype)
    exact = reference(x.astype(np.longdouble))
    assert error_in_ulp(apply(getattr(nx, name), x, fastmath=fastmath), exact) <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(name, dtype):
    """Zeros, infinities, NaN, overflow and domain errors come out as NumPy's, subnormal results as zero."""
    tiny = np.finfo(dtype).tiny
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e4, -1e4, -1.0, -2.0, 1.0, tiny / 4, -tiny / 4], dtype)
    with np.errstate(all="ignore"):
        exact = (expit if name == "logistic" else FUNCTIONS[name][0])(x)
    y = apply(getattr(nx, name), x)
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(y[~finite], exact[~finite])
    np.testing.assert_allclose(y[finite], exact[finite], rtol=4 * np.finfo(dtype).eps, atol=tiny)


@pytest.mark.parametrize("payload", [0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x7FC001FF])
def test_every_nan_stays_nan(payload):
    """A NaN's payload must not leak into the exponent arithmetic and make it a number."""
    x = np.full(37, payload, np.uint32).view(np.float32)
    for name in FUNCTIONS:
        assert np.isnan(apply(getattr(nx, name), x)).all(), name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_result_does_not_depend_on_the_place_in_the_array(name):
    """Vector body and scalar remainder give the same bits: how an array is cut among threads cannot matter."""
    for dtype in (np.float32, np.float64):
        x = sample(name, dtype)[:4001]
        kernel = elementwise(getattr(nx, name))
        whole, parts = np.empty_like(x), np.empty_like(x)
        kernel(x, whole)
        for start in range(0, x.size, 7):
            kernel(x[start : start + 7], parts[start : start + 7])
        np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_power(dtype):
    @njit(fastmath=FAST, error_model="numpy")
    def kernel(x, y, z):
        for i in range(x.size):
            z[i] = nx.pow(x[i], y[i])

    draw = np.random.default_rng(5)
    x = (10.0 ** draw.uniform(-4, 4, 20_000)).astype(dtype)
    y = draw.uniform(-8, 8, x.size).astype(dtype)
    z = np.empty_like(x)
    kernel(x, y, z)
    exact = x.astype(np.longdouble) ** y.astype(np.longdouble)
    # float64: the error of the logarithm is magnified by the exponent |y log x|, at most 74 here.
    assert np.max(np.abs(z / exact - 1)) < (0.51 if dtype == np.float32 else 75) * np.finfo(dtype).eps
    x[:4], y[:4] = [0, 0, 0, -1], [2, 0, -1, 2]
    kernel(x, y, z)
    np.testing.assert_array_equal(z[:4], np.array([0, 1, np.inf, np.nan], dtype))


def test_functions_refuse_integers():
    with pytest.raises(TypingError):
        apply(nx.exp, np.arange(4))


def test_flush_subnormal():
    x = np.array([1e-45, -1e-39, 1e-37, -1.0, 0.0, np.nan, np.inf], np.float32)
    kept = np.array([0, 0, 1e-37, -1, 0, np.nan, np.inf], np.float32)
    np.testing.assert_array_equal(apply(nx.flush_subnormal, x), kept)


# Random numbers


def test_threefry_equals_the_reference():
    @njit
    def kernel(key0, key1, step, a, b):
        for i in range(a.size):
            a[i], b[i] = nx.threefry2x32(key0, key1, i, step)

    a, b = np.empty((2, 1003), np.uint32)
    key = rng.stream_key(8, "numba")
    kernel(*key, 17, a, b)
    np.testing.assert_array_equal([a, b], rng.threefry2x32(*key, np.arange(1003), 17))


@pytest.mark.parametrize("step", [0, 1, 2**32 + 1, 2**33 - 1, 2**33, 2**50 + 3])
def test_drawn_word_equals_the_reference(step):
    @njit
    def kernel(key0, key1, step, a):
        for i in range(a.size):
            a[i] = nx.draw_word(key0, key1, i, step)

    a = np.empty(100, np.uint32)
    key = rng.stream_key(8, "numba")
    kernel(*key, step, a)
    np.testing.assert_array_equal(a, rng.words(key, np.arange(100), step))


def some_words() -> np.ndarray:
    """Both tails, the middle, and a random sample: uint32."""
    edges = [np.arange(0, 5000), np.arange(2**31 - 5000, 2**31 + 5000), np.arange(2**32 - 5000, 2**32)]
    random = rng.words(rng.stream_key(4), np.arange(200_000), 0)
    return np.concatenate([np.concatenate(edges).astype(np.uint32), random])


def test_uniforms():
    word = some_words()
    np.testing.assert_array_equal(apply(nx.to_uniform64, word, np.float64), rng.word_to_uniform(word))
    single = apply(nx.to_uniform32, word, np.float32)
    assert single.min() > 0 and single.max() < 1
    assert np.max(np.abs(single - rng.word_to_uniform(word))) <= 2.0**-24


@pytest.mark.parametrize(
    ("name", "dtype", "bound"), [("normal_quantile32", np.float32, 4e-7), ("normal_quantile64", np.float64, 4e-15)]
)
def test_normal_quantile(name, dtype, bound):
    """Relative error, from the middle, where the quantile goes through zero, to the ends at 2**-33."""
    word = some_words()
    exact = ndtri(rng.word_to_uniform(np.minimum(word, ~word)))  # the lower tail keeps its digits
    exact = np.where(word < 2**31, exact, -exact)
    assert np.max(np.abs(apply(getattr(nx, name), word, dtype) / exact - 1)) < bound


# Vector code


def has_vectors(kernel) -> bool:
    """Whether the compiled kernel multiplies, converts or adds whole registers: moves alone occur in scalar code too."""
    (batch,) = kernel.inspect_asm().values()
    return re.search(r"v(mulp[sd]|fmadd\w+p[sd]|paddd)[ \t].*[yz]mm", batch) is not None


@needs_x86_vectors
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_vectorise(name, dtype):
    kernel = elementwise(getattr(nx, name))
    kernel(np.ones(4, dtype), np.ones(4, dtype))
    assert has_vectors(kernel)


@needs_x86_vectors
@pytest.mark.parametrize("name", ["normal_quantile32", "normal_quantile64", "to_uniform32", "to_uniform64"])
def test_draws_vectorise(name):
    kernel = elementwise(getattr(nx, name))
    kernel(np.ones(4, np.uint32), np.ones(4, np.float32 if name.endswith("32") else np.float64))
    assert has_vectors(kernel)


@needs_x86_vectors
def test_words_vectorise():
    """Threefry in a loop, as stimuli draw."""

    @njit(fastmath=FAST, error_model="numpy")
    def kernel(n, key0, key1, step, drive):
        for i in range(n):
            drive[i] += np.float32(nx.to_uniform32(nx.draw_word(key0, key1, i, step)))

    kernel(4, 1, 2, 3, np.zeros(4, np.float32))
    assert has_vectors(kernel)
    if binding.get_host_cpu_features().get("avx512f", False):
        assert "vprold" in kernel.inspect_asm(kernel.signatures[0])  # a rotation in one instruction


WIDE = """
from numba import float32, njit
from neuropil.codegen.vectors import wide_vectors

def plain(x, y):
    for i in range(x.size):
        y[i] = x[i] * y[i]

def wide(x, y):
    wide_vectors()
    for i in range(x.size):
        y[i] = x[i] * y[i]

for function in (plain, wide):
    kernel = njit(error_model="numpy")(function)
    kernel.compile((float32[::1], float32[::1]))
    print("zmm" in kernel.inspect_asm(kernel.signatures[0]))
"""


@needs_x86_vectors
def test_wide_vectors_are_used_where_llvm_prefers_narrower_ones():
    """Compiled for a processor with registers of 512 bits, of which LLVM takes 256 by itself; nothing is run there."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": "+avx512f,+avx512vl,+avx512bw,+avx512dq"}
    printed = subprocess.run([sys.executable, "-c", WIDE], env=env, capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "True"]


MANY_ARRAYS = """
import time
import numpy as np
from numba import njit
from neuropil.codegen.numerics import noalias_arguments

FLAGS = {{"contract", "reassoc", "nsz", "afn"}}
{kernels}
def arrays(n):
    return [np.full(n, 0.5, (np.float32, np.int32, np.float32, np.uint8)[i % 4]) for i in range(24)]

def ratio():
    # How many times longer the loop takes without the promise: the best of several runs of each.
    best = dict.fromkeys((plain, promised), np.inf)
    a = arrays(20_000)
    for _ in range(20):
        for kernel in best:
            start = time.perf_counter()
            kernel(20_000, *a)
            best[kernel] = min(best[kernel], time.perf_counter() - start)
    return best[plain] / best[promised]

if __name__ == "__main__":
    print(ratio(), sum(promised.stats.cache_hits.values()))
"""


def many_arrays_source() -> str:
    """A module with one loop that reads and writes 24 arrays of three types, without and with the promise."""
    names = [f"a{i}" for i in range(24)]
    flag = "np.uint8(np.int32(1) if x > np.float32(1) else np.int32(0))"
    casts = ["np.float32(x)", "np.int32(x)", "np.float32(x)", flag]
    kernels = ""
    for name, promise in (("plain", ""), ("promised", "    noalias_arguments()\n")):
        body = f"@njit(fastmath=FLAGS, error_model='numpy', cache=True)\ndef {name}(n, {', '.join(names)}):\n{promise}"
        body += "    for i in range(n):\n        x = np.float32(0.5)\n"
        for i, a in enumerate(names):
            body += f"        x = x * np.float32(0.9) + np.float32({a}[i])\n        {a}[i] = {casts[i % 4]}\n"
        kernels += body + "\n"
    return MANY_ARRAYS.format(kernels=kernels)


@pytest.fixture
def many_arrays(tmp_path, monkeypatch):
    """The module of :func:`many_arrays_source`, imported from a file with a cache directory of its own."""
    (tmp_path / "many_arrays.py").write_text(many_arrays_source())
    monkeypatch.syspath_prepend(str(tmp_path))
    import many_arrays

    yield many_arrays
    del sys.modules["many_arrays"]


@needs_x86_vectors
def test_the_promise_of_distinct_arrays_vectorises_a_loop_over_many(many_arrays):
    """Same results, and at least twice the speed: measured, not read off (7 times where it was written)."""
    first, second = many_arrays.arrays(20_000), many_arrays.arrays(20_000)
    many_arrays.plain(20_000, *first)
    many_arrays.promised(20_000, *second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert many_arrays.ratio() > 2


@needs_x86_vectors
def test_the_promise_survives_the_cache_in_a_fresh_process(many_arrays):
    def run() -> list[str]:
        environment = {"PYTHONPATH": SOURCE, "PATH": ""}
        done = subprocess.run([sys.executable, many_arrays.__file__], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    for hits in ("0", "1"):
        ratio, cache_hits = run()
        assert cache_hits == hits and float(ratio) > 2


def test_a_promise_without_arrays_is_refused():
    @njit
    def kernel(n):
        nx.noalias_arguments()
        return n

    with pytest.raises(Exception, match="found no array"):
        kernel(3)
