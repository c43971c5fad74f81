"""Functions that are imported when they are called are, once called, the functions themselves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import linalg, special

from service.execute.kernels import write_elementwise
from service.execute.listing import Listing, Manner
from service.ir.leaves import variable
from service.ir.op import operations
from service.ops import later
from tests.architecture.sources import ROOT

UFUNCS = sorted(
    op.name for op in operations().values() if isinstance(op.kernel, later.LaterFunction) and op.family == "elementwise"
)


@pytest.mark.parametrize("name", UFUNCS)
def test_a_program_has_the_ufunc_itself(name: str) -> None:
    """Steps of a program write into arrays that are there already, which a call by another name could not."""
    kernel = operations()[name].kernel
    assert isinstance(kernel, later.LaterFunction)
    real = getattr(special, kernel.name)
    listing = Listing(origin=variable("x", (3,)))
    sources = [listing.register((3,), batched=False) for _ in range(real.nin)]
    write_elementwise(listing, kernel, sources, {}, (3,))
    (step,) = listing.steps
    assert step.manner is Manner.UFUNC
    assert step.run is real


def test_there_are_such_ufuncs() -> None:
    """The test above is about something."""
    assert {"erf", "erfc", "gammaln", "digamma", "logit", "xlogy"} <= set(UFUNCS)


def test_a_call_is_the_function_s() -> None:
    """With options and all."""
    x = np.array([[0.3, -1.2], [0.4, 2.0]])
    np.testing.assert_array_equal(later.linalg.expm(x), linalg.expm(x))
    np.testing.assert_array_equal(
        later.special.spherical_jn(2, x, derivative=True), special.spherical_jn(2, x, derivative=True)
    )


def test_importing_is_done_by_the_first_call() -> None:
    """Operations are declared without SciPy, and one that needs it finds it."""
    script = (
        "import sys, service.ops\n"
        "from service.ir.op import operations\n"
        "before = 'scipy' in sys.modules\n"
        "value = operations()['erf'].kernel(0.5)\n"
        "print(before, 'scipy.special' in sys.modules, 'scipy.linalg' in sys.modules, value)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout.split()[:2] == ["False", "True"]
    assert float(done.stdout.split()[3]) == special.erf(0.5)
