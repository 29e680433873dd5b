"""The tree-shaped linear system: its solution and its derivatives against dense algebra."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropil.learn.chunks import scan
from neuropil.learn.tree import Tree


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def tree(n: int, seed: int) -> Tree:
    """A random tree whose compartments are numbered without regard to its shape."""
    g = np.random.default_rng(seed)
    above = np.array([0, *(g.integers(max(0, i - 4), i) for i in range(1, n))])
    label = g.permutation(n)
    parent = np.zeros(n, int)
    parent[label] = label[above]
    return Tree(parent, label)


def system(shape: Tree, cells: int, seed: int):
    """axial [n, 1], diagonal and right-hand side [n, cells] of a diagonally dominant system."""
    g, n = np.random.default_rng(seed), len(shape.order)
    axial = g.uniform(0.1, 3.0, (n, 1))
    axial[shape.order[0]] = 0.0
    sums = np.asarray(shape.diagonal(jnp.asarray(axial)))
    return jnp.asarray(axial), jnp.asarray(sums + g.uniform(0.1, 2.0, (n, cells))), jnp.asarray(g.normal(size=(n, cells)))


def dense(shape: Tree, axial, diagonal, right):
    """The same by LU decomposition of the whole matrix of each cell."""
    child = shape.order[1:]
    parent = shape.parent[child]
    coupling = jnp.zeros((len(shape.order),) * 2).at[child, parent].add(-axial[child, 0]).at[parent, child].add(-axial[child, 0])
    return jax.vmap(lambda d, b: jnp.linalg.solve(coupling + jnp.diag(d), b), in_axes=1, out_axes=1)(diagonal, right)


@settings(max_examples=4, deadline=None)
@given(n=st.sampled_from([1, 2, 3, 17, 60]), cells=st.sampled_from([1, 3]), seed=st.integers(0, 2**31))
def test_solution_is_that_of_the_dense_matrix(n: int, cells: int, seed: int):
    shape = tree(n, seed)
    values = system(shape, cells, seed)
    np.testing.assert_allclose(jax.jit(shape.solve)(*values), dense(shape, *values), rtol=1e-11, atol=1e-13)


def test_gradients_are_those_of_the_dense_solution():
    """Reverse, forward and second derivatives, by axial conductance, diagonal and right-hand side."""
    shape = tree(25, 3)
    values = system(shape, 2, 4)

    def loss(solve):
        return lambda *a: jnp.sum(jnp.sin(3.0 * solve(*a)))

    ours, theirs = loss(shape.solve), loss(lambda *a: dense(shape, *a))
    for mine, truth in zip(jax.grad(ours, (0, 1, 2))(*values), jax.grad(theirs, (0, 1, 2))(*values), strict=True):
        np.testing.assert_allclose(mine, truth, rtol=1e-10, atol=1e-12)
    tangents = system(shape, 2, 5)
    np.testing.assert_allclose(jax.jvp(ours, values, tangents)[1], jax.jvp(theirs, values, tangents)[1], rtol=1e-10)
    second = [jax.jvp(jax.grad(f, 1), values, tangents)[1] for f in (ours, theirs)]
    np.testing.assert_allclose(*second, rtol=1e-9, atol=1e-12)


def test_no_step_of_the_solver_is_stored():
    """The gradient of a scan keeps a few arrays per step, however many compartments the solver walks through."""
    shape = tree(40, 6)
    axial, diagonal, right = system(shape, 1, 7)

    def run(b):
        return jax.lax.scan(lambda x, _: (shape.solve(axial, diagonal, x), None), b, None, length=11)[0].sum()

    text = str(jax.make_jaxpr(jax.grad(run))(right))
    assert "f64[11,40,1]" in text or "f64[40,1]" in text
    assert "f64[39," not in text.replace("f64[39,1]", "") and "f64[11,39" not in text


def test_chunks_change_neither_values_nor_gradients():
    def run(x, chunk):
        last, seen = scan(lambda c, row: (jnp.sin(c + row), c), x, jnp.arange(11.0), chunk)
        return last + jnp.sum(seen**2)

    for chunk in (1, 3, 4, 11, 50):
        np.testing.assert_allclose(run(0.3, chunk), run(0.3, None), rtol=1e-15)
        np.testing.assert_allclose(jax.grad(run)(0.3, chunk), jax.grad(run)(0.3, None), rtol=1e-14)
