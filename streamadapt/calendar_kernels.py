"""Kernel of sines and cosines of event times."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.jit import kernel

__all__ = ["write_waves"]

_NO_TIME = np.iinfo(np.int64).min


@kernel
def write_waves(times: IntArray, length: int, start: int, out: FloatArray) -> None:
    """Write sine and cosine of 1, 2, ... waves per `length` since `start` into out [n, 2k].

    Row by row, as vectorised sines differ by the length of the array.
    """
    for i in range(len(times)):
        if times[i] == _NO_TIME:
            out[i, :] = np.nan
        else:
            # Remainders first: a difference of far times would wrap around.
            turn = 2.0 * math.pi * ((times[i] % length - start) % length) / length
            for k in range(out.shape[1] // 2):
                out[i, 2 * k] = math.sin((k + 1) * turn)
                out[i, 2 * k + 1] = math.cos((k + 1) * turn)
