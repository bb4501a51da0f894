"""Learners that each break one law: peeking, forgetting, leaking, learning when asked ..."""

from __future__ import annotations

import pickle

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, PREDICT_LEARN, FloatArray, OpArray
from streamadapt.state import State
from tests.laws.breakers import Breakers
from tests.laws.sound_learners import NearestMean, RecentMean, usable

LEARNERS = Breakers()
breaks = LEARNERS.breaks
Labels = NDArray[np.generic]


@breaks("equal_learners_give_equal_bits")
class Unseeded(NearestMean):
    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__(n_features, n_classes)
        self.sums += 1e-9 * np.random.default_rng().normal(size=self.sums.shape)


@breaks("cutting_the_stream_changes_no_bit")
class NormalisesTheBatch(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops, usable(X) - (usable(X).mean(axis=0) if len(X) else 0.0), y, w)


@breaks("cutting_the_stream_changes_no_bit")
class SumsByMatrixProduct(NearestMean):
    """The same numbers but for rounding: how BLAS adds depends on how many rows it is given."""

    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        super().run(ops, X, y, w)
        weights = np.random.default_rng(0).normal(size=(self.n_features, self.n_outputs))
        e = np.exp(np.maximum(np.minimum(usable(X), 9), -9) @ weights)
        return np.where(ops[:, None] & PREDICT, e / e.sum(axis=1, keepdims=True), np.nan)


@breaks("cutting_the_stream_changes_no_bit")
class LearnsAtTheEndOfACall(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        P = super().run(ops & PREDICT, X, y, w)
        super().run(ops & LEARN, X, y, w)
        return P


@breaks("every_prediction_is_finite_and_where_it_was_asked_for")
class DoesNotNormalise(NearestMean):
    def predict_row(self, x: FloatArray) -> FloatArray:
        return 1.001 * super().predict_row(x)


@breaks("every_prediction_is_finite_and_where_it_was_asked_for")
class PredictsUnasked(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops | PREDICT, X, y, w)


@breaks("every_prediction_is_finite_and_where_it_was_asked_for")
class KnowsNothingAtFirst(NearestMean):
    def predict_row(self, x: FloatArray) -> FloatArray:
        return super().predict_row(x) if self.n.any() else np.full(self.n_outputs, np.nan)


@breaks("predict_learn_is_predict_and_then_learn")
class LearnsLessWhenAsked(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        weights = np.ones(len(X)) if w is None else w
        return super().run(ops, X, y, np.where(ops == PREDICT_LEARN, 0.5 * weights, weights))


@breaks("predicting_changes_nothing")
class LearnsWhenAsked(NearestMean):
    def predict_row(self, x: FloatArray) -> FloatArray:
        p = super().predict_row(x)
        self.learn_row(x, int(p.argmax()), 1e-6)
        return p


@breaks("predictions_belong_to_the_caller")
class UsesOneBuffer(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        if not hasattr(self, "buffer"):
            self.buffer = np.empty((100_000, self.n_outputs))
        self.buffer[: len(X)] = super().run(ops, X, y, w)
        return self.buffer[: len(X)]


@breaks("no_rows_are_no_trouble", IndexError)
class NeedsARow(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        self.latest = X[-1]
        return super().run(ops, X, y, w)


@breaks("no_prediction_sees_its_label_or_a_later_row")
class SeesItsLabel(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        P = np.empty((len(X), self.n_outputs))
        for i in range(len(X)):  # learns a row, then predicts it
            super().run(ops[i : i + 1] & LEARN, X[i : i + 1], y[i : i + 1])
            P[i] = super().run(ops[i : i + 1] & PREDICT, X[i : i + 1], y[i : i + 1])[0]
        return P


@breaks("no_prediction_sees_its_label_or_a_later_row")
class SeesTheNextRow(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops, usable(X) + 1e-9 * np.roll(usable(X), -1, axis=0), y, w)


@breaks("labels_of_rows_that_only_predict_are_not_read")
class ReadsEveryLabel(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops | LEARN, X, y, w)


@breaks("adapting_is_the_same_however_it_is_cut")
class AdaptsToTheBatch(NearestMean):
    def adapt(self, X: FloatArray) -> None:
        if len(X):
            self.shift = 0.9 * self.shift - 0.1 * usable(X).mean(axis=0)


@breaks("adapting_is_the_same_however_it_is_cut")
class IsPoisonedByAdapting(NearestMean):
    def adapt(self, X: FloatArray) -> None:
        for x in X:
            self.shift = self.shift + 1e-3 * x


@breaks("a_restored_learner_goes_on_bit_for_bit")
class LosesACounter(NearestMean):
    seen = 0

    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        self.seen += 1
        super().learn_row(x, label, weight if self.seen % 50 else 0.5 * weight)


@breaks("a_restored_learner_goes_on_bit_for_bit")
class RoundsItsState(NearestMean):
    def restore(self, state: State) -> None:
        super().restore(state)
        self.sums = self.sums.astype(np.float32).astype(np.float64)


@breaks("a_used_learner_can_be_restored")
class KeepsItsOwnPast(NearestMean):
    def restore(self, state: State) -> None:
        n = self.n
        super().restore(state)
        self.n = np.maximum(n, self.n)


@breaks("a_state_that_does_not_fit_is_refused_and_changes_nothing")
class TakesAnyState(NearestMean):
    def restore(self, state: State) -> None:
        super().restore(State(self.kind, 1, state.values))


@breaks("a_state_that_does_not_fit_is_refused_and_changes_nothing")
class RaisesKeyErrors(NearestMean):
    def restore(self, state: State) -> None:
        state.expect(self.kind, 1)
        super().restore(State(self.kind, 1, {n: state.values[n] for n in self.state().values}))


@breaks("a_state_that_does_not_fit_is_refused_and_changes_nothing")
class TakesHalfOfAState(NearestMean):
    def restore(self, state: State) -> None:
        self.n = state.floats("n")
        super().restore(state)


@breaks("a_state_that_does_not_fit_is_refused_and_changes_nothing")
class DoesNotLookAtLengths(NearestMean):
    def restore(self, state: State) -> None:
        state.expect(self.kind, 1)
        self.n = np.resize(state.floats("n"), self.n_outputs)
        self.sums = state.floats("sums")[: self.n_outputs]
        self.scale, self.shift = state.floats("scale"), state.floats("shift")


@breaks("a_state_is_a_copy")
class HandsOutViews(NearestMean):
    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "sums": self.sums})


@breaks("a_state_is_a_copy")
class LearnsIntoTheStateItWasGiven(NearestMean):
    def restore(self, state: State) -> None:
        super().restore(state)
        self.sums = state.values["sums"]  # type: ignore[assignment]


@breaks("a_state_is_data")
class Pickles(NearestMean):
    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "all": pickle.dumps(self.n)})


@breaks("a_state_is_data", TypeError)
class HoldsAnObject(NearestMean):
    def state(self) -> State:
        return State(self.kind, 1, {**super().state().values, "all": {"n": 1}})  # type: ignore[dict-item]


@breaks("memory_stops_growing")
class KeepsAllLabels(RecentMean):
    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self.labels: list[int] = []

    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        self.labels += [1] * len(y)
        return super().run(ops, X, y, w)

    def state(self) -> State:
        values = {**super().state().values, "labels": np.array(self.labels, np.int8)}
        return State("recent_mean", 1, values)


@breaks("memory_stops_growing")
class KeepsAllRowsBesideItsState(RecentMean):
    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self.kept: list[FloatArray] = []

    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        self.kept.append(X[:, 0].copy())
        return super().run(ops, X, y, w)


@breaks("bad_rows_never_raise_and_leave_predictions_finite")
class IsPoisonedByNaN(NearestMean):
    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        super().learn_row(x, label, weight)
        if label in range(self.n_outputs):
            self.sums[int(label)] += 0.0 * x


@breaks("bad_rows_never_raise_and_leave_predictions_finite")
class OverflowsOnHugeTargets(RecentMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        for target in y:
            if np.isfinite(target):
                self.mean += 3 * float(target)
        return super().run(ops, X, y, w)


@breaks("bad_rows_never_raise_and_leave_predictions_finite", IndexError)
class RaisesOnUnknownLabels(NearestMean):
    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        super().learn_row(x, range(self.n_outputs)[int(label)], weight)


@breaks("bad_rows_do_no_lasting_harm")
class IsBlindedByInf(NearestMean):
    largest = 100.0

    def features_row(self, x: FloatArray) -> FloatArray:
        return super().features_row(x) * (100.0 / self.largest)

    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        super().learn_row(x, label, weight)
        self.largest = max(self.largest, np.nan_to_num(np.abs(x), posinf=1e308).max())


@breaks("labels_that_are_none_are_all_alike")
class TakesMinusOneForTheLastClass(NearestMean):
    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        super().learn_row(x, self.n_outputs - 1 if label == -1 else label, weight)


@breaks("labels_that_are_none_are_all_alike")
class TakesInfForALargeTarget(RecentMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops, X, np.where(y == np.inf, 1e6, y), w)


@breaks("arguments_are_not_changed")
class CleansRowsInPlace(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        X[~np.isfinite(X)] = 0.0
        return super().run(ops, X, y, w)


@breaks("the_layout_of_arguments_does_not_matter")
class ReadsMemoryInItsOwnOrder(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops, X.ravel("K").reshape(X.shape), y, w)


@breaks("weight_one_is_the_default")
class CountsHalfWithoutWeights(NearestMean):
    def run(
        self, ops: OpArray, X: FloatArray, y: Labels, w: FloatArray | None = None
    ) -> FloatArray:
        return super().run(ops, X, y, np.full(len(X), 0.5) if w is None else w)


@breaks("a_row_of_weight_zero_teaches_nothing")
class IgnoresWeights(NearestMean):
    def learn_row(self, x: FloatArray, label: float, weight: float) -> None:
        super().learn_row(x, label, 1.0)


@breaks("forgetting_by_one_changes_no_prediction")
class AlwaysForgetsALittle(NearestMean):
    def forget(self, factor: float) -> None:
        super().forget(0.999 * factor)


@breaks("forgetting_leaves_a_sound_state")
class ForgetsIntoNaN(NearestMean):
    def logits_row(self, x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            z: FloatArray = super().logits_row(x) * (self.n.sum() / max(self.n.sum(), 1e-300))
        return z

    def forget(self, factor: float) -> None:
        super().forget(factor)
        self.n = np.where(self.n < 1e-200, np.nan, self.n)


@breaks("features_depend_on_their_row_alone")
class CentresFeatures(NearestMean):
    def features(self, X: FloatArray) -> FloatArray:
        centred: FloatArray = super().features(X) - usable(X).mean(axis=0)
        return centred


@breaks("probabilities_are_the_softmax_of_logits")
class ScalesLogits(NearestMean):
    def logits(self, X: FloatArray) -> FloatArray:
        return 1.0001 * super().logits(X)


@breaks("the_affine_map_starts_as_identity_and_can_be_set")
class StartsShifted(NearestMean):
    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__(n_features, n_classes)
        self.shift += 1e-9


@breaks("the_affine_map_starts_as_identity_and_can_be_set")
class HandsOutItsMap(NearestMean):
    def affine(self) -> tuple[FloatArray, FloatArray]:
        return self.scale, self.shift


@breaks("the_affine_map_is_part_of_the_state")
class LosesItsMap(NearestMean):
    def restore(self, state: State) -> None:
        super().restore(state)
        self.scale = np.ones(self.n_features)


@breaks("wider_coverage_is_a_wider_interval")
class TakesErrorForCoverage(RecentMean):
    def interval(self, X: FloatArray, coverage: float) -> FloatArray:
        return super().interval(X, 1 - coverage)
