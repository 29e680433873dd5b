"""Everything a generated kernel may call, under one name; each part is documented where it is written.

Elementary functions (:mod:`.elementary`), random numbers (:mod:`.draws`), work in step (:mod:`.threads`) and the
declaration of distinct arrays (:mod:`.noalias`).
"""

from neuropil.codegen.draws import (
    draw_word,
    normal_quantile32,
    normal_quantile64,
    threefry2x32,
    to_uniform32,
    to_uniform64,
)
from neuropil.codegen.elementary import cos, exp, exp2, expm1, flush_subnormal, log, log1p, logistic, pow, sin, tanh
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.threads import (
    BARRIER_SIZE,
    abort_barrier,
    atomic_add,
    atomic_load,
    atomic_store,
    cpu_relax,
    new_barrier,
    prefetch,
    spin_barrier,
    yield_thread,
)

__all__ = [
    "BARRIER_SIZE", "abort_barrier", "atomic_add", "atomic_load", "atomic_store", "cos", "cpu_relax",
    "draw_word", "exp", "exp2", "expm1", "flush_subnormal", "log", "log1p", "logistic", "new_barrier",
    "noalias_arguments", "normal_quantile32", "normal_quantile64", "pow", "prefetch", "sin", "spin_barrier", "tanh",
    "threefry2x32", "to_uniform32", "to_uniform64", "yield_thread",
]  # fmt: skip
