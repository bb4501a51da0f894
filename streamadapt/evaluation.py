"""How predictions are graded over time: windows, fading, and what is asked for beside."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DEFAULT_EVALUATION", "Evaluation"]


class Evaluation(BaseModel):
    """Windows and fading of the metrics.

    Parameters
    ----------
    window
        Graded rows in a point of the metrics over time.  Once a run has more than 1,000 points,
        each two of them become one.
    fading
        What a graded row still counts for in the fading metrics once the next one has come
        (0.999: half after 693 rows); 1 forgets nothing.
    rolling_auc
        Of two classes: the area under the ROC curve is taken over so many last graded rows; by
        default it is left out, for it costs more than all other metrics.
    quantile
        Of numbers: the quantile that the pinball loss is for.

    Raises
    ------
    pydantic.ValidationError
        If a value is outside its bounds.

    Examples
    --------
    >>> Evaluation(window=500).fading
    0.999
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: int = Field(1_000, ge=1, le=1 << 40)
    fading: float = Field(0.999, ge=1e-6, le=1)
    rolling_auc: int | None = Field(None, ge=2, le=1 << 20)
    quantile: float = Field(0.5, gt=0, lt=1)


DEFAULT_EVALUATION = Evaluation()
"""Windows of 1,000 rows, fading by 0.999, no rolling AUC, the median."""
