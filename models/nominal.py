"""Which columns are nominal, and how many values each has: the parameter that trees share."""

from __future__ import annotations

from collections.abc import Mapping

from streamadapt.errors import ParameterError, whole

__all__ = ["nominal_sizes"]


def nominal_sizes(
    nominal: Mapping[int, int] | None, n_features: int, most: int = 30_000
) -> dict[int, int]:
    """Return {column: number of values}, checked, in the order of the columns.

    Raises
    ------
    ParameterError
        If a nominal column is not there, or has not 1 to `most` values.

    Examples
    --------
    >>> nominal_sizes({2: 3, 0: 2}, n_features=3)
    {0: 2, 2: 3}
    """
    try:
        sizes = {
            whole("column", column, 0, n_features - 1): whole("values", n_values, 1, most)
            for column, n_values in (nominal or {}).items()
        }
    except ParameterError as error:
        raise ParameterError(f"nominal_features = {nominal!r}: {error}") from None
    return dict(sorted(sizes.items()))
