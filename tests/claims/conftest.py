"""What holds for the tests of experiments."""

import jax
import pytest


@pytest.fixture(autouse=True)
def types_may_mix():
    """optax mixes integers and reals where it corrects moments for the number of steps; ranks stay strict."""
    with jax.numpy_dtype_promotion("standard"):
        yield
