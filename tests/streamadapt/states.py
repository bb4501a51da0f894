"""Hypothesis strategies for states: every kind of value that one may hold."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamadapt.state import ARRAY_DTYPES, State, Value

ARRAYS = st.sampled_from(sorted(ARRAY_DTYPES)).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)
SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()
)


def _state(values: st.SearchStrategy[Value]) -> st.SearchStrategy[State]:
    content = st.dictionaries(st.text(max_size=5), values, max_size=4)
    return st.builds(State, st.text(max_size=8), st.integers(-(2**63), 2**63 - 1), content)


VALUES: st.SearchStrategy[Value] = st.recursive(SCALARS | ARRAYS, _state, max_leaves=8)
STATES = _state(VALUES)
