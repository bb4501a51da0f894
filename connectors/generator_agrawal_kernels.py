"""Kernel of the Agrawal generator: loan applicants and ten ways to judge them."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.connectors.generator_kernels import SEED, WANTED
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.java_random_kernels import next_double, next_int, settled
from streamadapt.jit import kernel

__all__ = ["agrawal_rows"]

# By age: below 40, below 60, older.  Salaries are in ranges of 50,000, loans of 200,000.
SALARY_FROM = np.array([50e3, 75e3, 25e3])
LEVEL_FROM = np.array([0, 1, 2])
LEVEL_TO = np.array([1, 3, 4])
SALARY_FROM_AT_LEVEL = np.array([25e3, 50e3, 50e3])
LOAN_FROM_IN_RANGE = np.array([100e3, 200e3, 300e3])
LOAN_FROM_ELSE = np.array([200e3, 300e3, 100e3])


@kernel
def is_in(value: float, low: float, width: float) -> bool:
    return low <= value <= low + width


@kernel
def is_refused_by_range(
    function: int, salary: float, commission: float, age: int, level: int, loan: float
) -> bool:
    """Functions 1 to 6: ranges that depend on the age."""
    third = 0 if age < 40 else (1 if age < 60 else 2)
    if function == 1:
        return third == 1
    is_at_level = LEVEL_FROM[third] <= level <= LEVEL_TO[third]
    if function == 3:
        return not is_at_level
    usual = SALARY_FROM[third]
    if function == 4:
        return not is_in(salary, SALARY_FROM_AT_LEVEL[third] if is_at_level else usual, 50e3)
    if function == 5:
        in_range = is_in(salary, usual, 50e3)
        low = LOAN_FROM_IN_RANGE[third] if in_range else LOAN_FROM_ELSE[third]
        return not is_in(loan, low, 200e3)
    return not is_in(salary if function == 2 else salary + commission, usual, 50e3)


@kernel
def is_refused_by_sum(
    function: int,
    salary: float,
    commission: float,
    level: int,
    house: float,
    years: int,
    loan: float,
) -> bool:
    """Functions 7 to 10: what is left of the income."""
    income = 2.0 * (salary + commission) / 3.0
    if function == 7:
        return not income - loan / 5.0 - 20000.0 > 0.0
    income -= 5000.0 * level
    if function == 8:
        return not income - 20000.0 > 0.0
    if function == 9:
        return not income - loan / 5.0 - 10000.0 > 0.0
    equity = house * (years - 20.0) / 10.0 if years >= 20 else 0.0
    return not income + equity / 5.0 - 10000.0 > 0.0


@kernel
def perturbed(
    seed: int, value: float, width: float, low: float, high: float, fraction: float
) -> tuple[int, float]:
    """Return the next seed, and the value with noise, kept in [low, high]."""
    seed, drawn = next_double(seed)
    value += width * (2.0 * (drawn - 0.5)) * fraction
    return seed, (low if value < low else (high if value > high else value))


@kernel
def agrawal_rows(
    X: FloatArray, y: IntArray, rng: IntArray, function: int, fraction: float, is_balanced: bool
) -> None:
    """Fill rows of six numbers and three categories; `fraction` is that of the noise."""
    seed, wanted = rng[SEED], rng[WANTED]
    for i in range(y.shape[0]):
        while True:
            seed, drawn = next_double(seed)
            salary, commission = 20000.0 + 130000.0 * drawn, 0.0
            if salary < 75000.0:
                seed, drawn = next_double(seed)
                commission = 10000.0 + 65000.0 * drawn
            seed, age = next_int(seed, 61)
            age += 20
            seed, level = next_int(seed, 5)
            seed, car = next_int(seed, 20)
            seed, zipcode = next_int(seed, 9)
            worth = (9.0 - zipcode) * 100000.0
            seed, drawn = next_double(seed)
            house = worth * (0.5 + drawn)
            seed, years = next_int(seed, 30)
            years += 1
            seed, drawn = next_double(seed)
            loan = drawn * 500000.0
            if function <= 6:
                is_refused = is_refused_by_range(function, salary, commission, age, level, loan)
            else:
                is_refused = is_refused_by_sum(
                    function, salary, commission, level, house, years, loan
                )
            label = int(is_refused)
            if not is_balanced or label == wanted:
                break
        wanted = 1 - wanted if is_balanced else wanted
        shown_age, shown_years = float(age), float(years)
        if fraction > 0.0:
            seed, salary = perturbed(seed, salary, 130000.0, 20000.0, 150000.0, fraction)
            if commission > 0.0:
                seed, commission = perturbed(seed, commission, 65000.0, 10000.0, 75000.0, fraction)
            seed, shown_age = perturbed(seed, shown_age, 60.0, 20.0, 80.0, fraction)
            # That 135,000 bounds all houses, though most are worth more, is MOA's.
            seed, house = perturbed(seed, house, worth, 0.0, 135000.0, fraction)
            seed, shown_years = perturbed(seed, shown_years, 29.0, 1.0, 30.0, fraction)
            seed, loan = perturbed(seed, loan, 500000.0, 0.0, 500000.0, fraction)
        X[i, 0], X[i, 1], X[i, 2] = salary, commission, math.floor(shown_age + 0.5)
        X[i, 3], X[i, 4], X[i, 5] = float(level), float(car), float(zipcode)
        X[i, 6], X[i, 7], X[i, 8] = house, math.floor(shown_years + 0.5), loan
        y[i] = label
    rng[SEED], rng[WANTED] = settled(seed), wanted
