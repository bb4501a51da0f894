"""ECDD's limits for a wanted run length, at every rate of errors.

The paper's polynomials are for three run lengths, one weight, and rates below a half.  These are
for the detector as it is, which knows the rate by estimate alone: found by simulation, by
``benchmarks/ecdd_limits.py``, which also tells how well they keep what they promise.
"""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import FloatArray

__all__ = ["LAMBDAS", "RATES", "RUN_LENGTHS", "at_all_rates", "limits_for"]

LAMBDAS = (0.05, 0.1, 0.2, 0.4)
RUN_LENGTHS = (100, 200, 400, 1000, 3000, 10_000)

RATES: FloatArray = np.array(
    [
        0.0, 0.0125, 0.025, 0.0375, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
        0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95,
    ]
)  # fmt: skip

_N_CELLS = 80  # between rates evenly spaced from 0 to 1, to which all of the above belong

# w of `at_all_rates`, at each of `RATES`: lambda 0.05 with each run length, then 0.1, and so on.
_TABLE = (
    # lambda 0.05, one false alarm in 100 values
    (
        0.0518, 0.0512, 0.0505, 0.0499, 0.0492, 0.0479, 0.0466, 0.0458, 0.0518, 0.0563,
        0.0594, 0.0574, 0.0540, 0.0485, 0.0405, 0.0328, 0.0246, 0.0201, 0.0125,
    ),
    # lambda 0.05, one false alarm in 200 values
    (
        0.0518, 0.0512, 0.0505, 0.0499, 0.0563, 0.0691, 0.0781, 0.0915, 0.1018, 0.1157,
        0.1231, 0.1262, 0.1226, 0.1168, 0.1026, 0.0890, 0.0766, 0.0759, 0.0431,
    ),
    # lambda 0.05, one false alarm in 400 values
    (
        0.0518, 0.0512, 0.0615, 0.0765, 0.0851, 0.1006, 0.1135, 0.1321, 0.1473, 0.1674,
        0.1786, 0.1834, 0.1824, 0.1739, 0.1553, 0.1443, 0.1191, 0.1200, 0.0860,
    ),
    # lambda 0.05, one false alarm in 1,000 values
    (
        0.0518, 0.0689, 0.0899, 0.1042, 0.1182, 0.1373, 0.1538, 0.1789, 0.1986, 0.2251,
        0.2423, 0.2476, 0.2473, 0.2377, 0.2171, 0.2034, 0.1780, 0.1695, 0.1411,
    ),
    # lambda 0.05, one false alarm in 3,000 values
    (
        0.0531, 0.0924, 0.1172, 0.1354, 0.1503, 0.1748, 0.1943, 0.2252, 0.2486, 0.2811,
        0.3026, 0.3123, 0.3119, 0.3015, 0.2817, 0.2653, 0.2430, 0.2288, 0.2053,
    ),
    # lambda 0.05, one false alarm in 10,000 values
    (
        0.0717, 0.1143, 0.1423, 0.1638, 0.1809, 0.2095, 0.2320, 0.2683, 0.2950, 0.3349,
        0.3590, 0.3706, 0.3738, 0.3639, 0.3444, 0.3283, 0.3070, 0.2936, 0.2731,
    ),
    # lambda 0.1, one false alarm in 100 values
    (
        0.1064, 0.1051, 0.1038, 0.1024, 0.1011, 0.0984, 0.1119, 0.1368, 0.1483, 0.1680,
        0.1847, 0.1853, 0.1821, 0.1747, 0.1520, 0.1368, 0.1218, 0.1098, 0.0560,
    ),
    # lambda 0.1, one false alarm in 200 values
    (
        0.1064, 0.1051, 0.1038, 0.1024, 0.1343, 0.1483, 0.1716, 0.1987, 0.2201, 0.2498,
        0.2694, 0.2752, 0.2793, 0.2627, 0.2419, 0.2250, 0.1789, 0.2017, 0.1207,
    ),
    # lambda 0.1, one false alarm in 400 values
    (
        0.1064, 0.1051, 0.1220, 0.1568, 0.1688, 0.1993, 0.2216, 0.2561, 0.2831, 0.3227,
        0.3480, 0.3593, 0.3605, 0.3507, 0.3222, 0.3051, 0.2627, 0.2634, 0.1986,
    ),
    # lambda 0.1, one false alarm in 1,000 values
    (
        0.1064, 0.1255, 0.1758, 0.1960, 0.2206, 0.2535, 0.2812, 0.3239, 0.3584, 0.4080,
        0.4386, 0.4544, 0.4592, 0.4501, 0.4260, 0.4071, 0.3703, 0.3551, 0.3050,
    ),
    # lambda 0.1, one false alarm in 3,000 values
    (
        0.1064, 0.1801, 0.2126, 0.2472, 0.2706, 0.3118, 0.3439, 0.3957, 0.4342, 0.4942,
        0.5343, 0.5566, 0.5661, 0.5600, 0.5427, 0.5250, 0.4940, 0.4734, 0.4317,
    ),
    # lambda 0.1, one false alarm in 10,000 values
    (
        0.1569, 0.2047, 0.2601, 0.2918, 0.3220, 0.3684, 0.4053, 0.4645, 0.5121, 0.5812,
        0.6293, 0.6574, 0.6763, 0.6753, 0.6628, 0.6467, 0.6226, 0.6027, 0.5702,
    ),
    # lambda 0.2, one false alarm in 100 values
    (
        0.2254, 0.2226, 0.2197, 0.2169, 0.2141, 0.2085, 0.2633, 0.3048, 0.3306, 0.3817,
        0.4138, 0.4286, 0.4291, 0.4201, 0.3852, 0.3358, 0.3312, 0.3204, 0.1576,
    ),
    # lambda 0.2, one false alarm in 200 values
    (
        0.2254, 0.2226, 0.2197, 0.2169, 0.2698, 0.3230, 0.3478, 0.4103, 0.4460, 0.5176,
        0.5551, 0.5789, 0.5902, 0.5738, 0.5403, 0.5181, 0.4183, 0.4779, 0.2941,
    ),
    # lambda 0.2, one false alarm in 400 values
    (
        0.2254, 0.2226, 0.2199, 0.3183, 0.3575, 0.3806, 0.4398, 0.4984, 0.5514, 0.6336,
        0.6885, 0.7159, 0.7333, 0.7254, 0.6933, 0.6682, 0.5877, 0.5925, 0.4565,
    ),
    # lambda 0.2, one false alarm in 1,000 values
    (
        0.2254, 0.2227, 0.3573, 0.3931, 0.4104, 0.4908, 0.5334, 0.6126, 0.6803, 0.7738,
        0.8425, 0.8878, 0.9107, 0.9183, 0.8962, 0.8731, 0.8080, 0.7855, 0.6777,
    ),
    # lambda 0.2, one false alarm in 3,000 values
    (
        0.2254, 0.3473, 0.4173, 0.4570, 0.5195, 0.5825, 0.6432, 0.7398, 0.8156, 0.9314,
        1.0190, 1.0799, 1.1232, 1.1382, 1.1360, 1.1154, 1.0649, 1.0288, 0.9459,
    ),
    # lambda 0.2, one false alarm in 10,000 values
    (
        0.2575, 0.4202, 0.4807, 0.5652, 0.6032, 0.6897, 0.7548, 0.8685, 0.9574, 1.0973,
        1.2053, 1.2819, 1.3449, 1.3768, 1.3865, 1.3717, 1.3380, 1.3031, 1.2372,
    ),
    # lambda 0.4, one false alarm in 100 values
    (
        0.5159, 0.5095, 0.5030, 0.4966, 0.4901, 0.4772, 0.5381, 0.7209, 0.7467, 0.8762,
        0.9550, 1.0131, 1.0249, 1.0297, 0.9787, 0.8532, 0.8474, 0.8650, 0.4160,
    ),
    # lambda 0.4, one false alarm in 200 values
    (
        0.5159, 0.5095, 0.5030, 0.4966, 0.4901, 0.7179, 0.8093, 0.8603, 1.0040, 1.1507,
        1.2474, 1.3213, 1.3694, 1.3614, 1.3015, 1.2728, 1.0351, 1.2126, 0.7282,
    ),
    # lambda 0.4, one false alarm in 400 values
    (
        0.5159, 0.5095, 0.5030, 0.5618, 0.7663, 0.8857, 0.8710, 1.1285, 1.1711, 1.3841,
        1.5224, 1.6080, 1.6779, 1.6894, 1.6527, 1.6058, 1.4095, 1.4780, 1.0650,
    ),
    # lambda 0.4, one false alarm in 1,000 values
    (
        0.5159, 0.5095, 0.6487, 0.9227, 0.9139, 0.9658, 1.1911, 1.2780, 1.4683, 1.6738,
        1.8531, 1.9870, 2.0696, 2.1245, 2.1074, 2.0719, 1.9028, 1.9612, 1.4229,
    ),
    # lambda 0.4, one false alarm in 3,000 values
    (
        0.5159, 0.6317, 0.9578, 0.9798, 1.0189, 1.3301, 1.3258, 1.6027, 1.7455, 2.0178,
        2.2382, 2.4076, 2.5431, 2.6209, 2.6498, 2.6164, 2.5230, 2.4170, 1.5452,
    ),
    # lambda 0.4, one false alarm in 10,000 values
    (
        0.5159, 0.9565, 1.0218, 1.1337, 1.3750, 1.4102, 1.6616, 1.8494, 2.0474, 2.3803,
        2.6481, 2.8644, 3.0408, 3.1607, 3.2258, 3.2027, 3.1789, 2.5859, 1.6532,
    ),
)  # fmt: skip

_KNOTS: FloatArray = np.array(_TABLE).reshape(len(LAMBDAS), len(RUN_LENGTHS), len(RATES))


def at_all_rates(w: FloatArray) -> FloatArray:
    """Return float64 [81], `w` at rates evenly spaced from 0 to 1; it is given at `RATES`.

    Beyond the last of these it stays the same, which makes false alarms rarer than was asked for.
    """
    return np.interp(np.arange(_N_CELLS + 1) / _N_CELLS, RATES, w)


def limits_for(lambda_: float, average_run_length: float) -> FloatArray:
    """Return `at_all_rates` for a weight and a run length, straight between those of the table.

    Of run lengths straight between their logarithms, of weights between logarithms of both.

    >>> limits_for(0.2, 400.0)[[0, 40, 80]].round(2).tolist()
    [0.23, 0.72, 0.46]
    """
    of_lambdas = [_between(math.log(average_run_length), np.log(RUN_LENGTHS), w) for w in _KNOTS]
    w = np.exp(_between(math.log(lambda_), np.log(LAMBDAS), np.log(of_lambdas)))
    return at_all_rates(w)


def _between(at: float, places: FloatArray, rows: FloatArray) -> FloatArray:
    k = min(max(int(np.searchsorted(places, at)) - 1, 0), len(places) - 2)
    share = (at - places[k]) / (places[k + 1] - places[k])
    found: FloatArray = (1.0 - share) * rows[k] + share * rows[k + 1]
    return found
