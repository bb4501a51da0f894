"""The laws: every promise of the contracts as a test that any class can be put to.

A law is a function named as a sentence.  It takes a factory of equal components, and raises
`LawError` with what differed where.  ``streamadapt check package.module:Factory`` puts a class of
your own to all that apply.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from streamadapt.alarm_laws import DETECTOR_ABILITY_LAWS
from streamadapt.contracts import Detector, Learner, Sink, Store
from streamadapt.detector_laws import DETECTOR_LAWS
from streamadapt.errors import LawError, ParameterError
from streamadapt.events import Source
from streamadapt.learner_ability_laws import ABILITY_LAWS
from streamadapt.learner_input_laws import LEARNER_INPUT_LAWS
from streamadapt.learner_laws import LEARNER_LAWS
from streamadapt.learner_state_laws import LEARNER_STATE_LAWS
from streamadapt.source_laws import SOURCE_LAWS
from streamadapt.storage_laws import READ_BACK_LAWS, SINK_LAWS, STORE_LAWS, Read

__all__ = ["Law", "LawResult", "check", "contract_members", "contract_of", "laws_for", "sized"]

Law = Callable[[Callable[[], Any]], None]
T = TypeVar("T")

N_FEATURES = 5
N_CLASSES = 3

_LAWS: dict[type, tuple[Callable[..., None], ...]] = {
    Learner: LEARNER_LAWS + LEARNER_STATE_LAWS + LEARNER_INPUT_LAWS,
    Detector: DETECTOR_LAWS,
    Source: SOURCE_LAWS,
    Store: STORE_LAWS,
    Sink: SINK_LAWS,
}

_ABILITY_LAWS: dict[type, tuple[tuple[type, tuple[Callable[..., None], ...]], ...]] = {
    Learner: ABILITY_LAWS,
    Detector: DETECTOR_ABILITY_LAWS,
}


@dataclass(frozen=True, slots=True)
class LawResult:
    """What came of one law: its name, whether it holds, and if not, what differed where."""

    name: str
    ok: bool
    problem: str = ""


def check(factory: Callable[..., object], read: Read | None = None) -> list[LawResult]:
    """Put the components that `factory` makes to all laws of their contract.

    Parameters
    ----------
    factory
        A class or function.  A learner's is called with ``n_features=5`` and ``n_classes=3`` if it
        needs them, and makes equal learners; give it a small memory bound, since a learner that
        may grow is broken until it stops growing.  A source's opens the same records at their
        start, a store's or sink's the same place, again and again.
    read
        For sinks: reads back all records; without it only positions are tested.

    Raises
    ------
    ParameterError
        If the factory needs other arguments.
    LawError
        If what it makes keeps no contract, with what is missing.

    Examples
    --------
    >>> from streamadapt.detectors.page_hinkley import PageHinkley
    >>> {result.ok for result in check(PageHinkley)}
    {True}
    """
    make = sized(factory)
    component = make()
    laws = laws_for(component, read)
    _close(component)
    return [_result(law, make) for law in laws]


def sized(factory: Callable[..., T]) -> Callable[[], T]:
    """Return `factory` without arguments: those for sizes are filled in if it needs them.

    Raises
    ------
    ParameterError
        If it needs others.
    """
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError) as error:
        raise ParameterError(f"a factory for laws is a class or a function: {error}") from error
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    sizes = {"n_features": N_FEATURES, "n_classes": N_CLASSES}
    unknown = [name for name in needed if name not in sizes]
    if unknown:
        raise ParameterError(
            f"a factory for laws needs n_features and n_classes at most, but this one also needs "
            f"{', '.join(unknown)}: write a function that fills them in"
        )
    return functools.partial(factory, **{name: sizes[name] for name in needed})


def laws_for(component: object, read: Read | None = None) -> tuple[Law, ...]:
    """Return the laws of the component's contract, and of the optional ones that it keeps.

    Raises
    ------
    LawError
        If it keeps no contract, with what is missing for the nearest.
    """
    contract = contract_of(component)
    laws = _LAWS[contract]
    if contract is Sink and read is not None:
        return tuple(_reading(law, read) for law in laws + READ_BACK_LAWS)
    for ability, more in _ABILITY_LAWS.get(contract, ()):
        laws += more if isinstance(component, ability) else ()
    return laws


def contract_of(component: object) -> type:
    """Return the contract, all of whose members the component has.

    Raises
    ------
    LawError
        If there is none, with what is missing for the nearest.
    """
    missing = {contract: _missing(component, contract) for contract in _LAWS}
    for contract, names in missing.items():
        if not names:
            return contract
    nearest = min(
        _LAWS, key=lambda contract: len(missing[contract]) / len(contract_members(contract))
    )
    raise LawError(
        f"{type(component).__name__} keeps no contract; for a {nearest.__name__} it lacks "
        f"{', '.join(missing[nearest])}"
    )


def contract_members(contract: type) -> list[str]:
    """Return the names of all attributes and methods that a contract asks for."""
    names = [*contract.__annotations__, *vars(contract)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def _missing(component: object, contract: type) -> list[str]:
    return [name for name in contract_members(contract) if not hasattr(component, name)]


def _reading(law: Callable[..., None], read: Read) -> Law:
    return functools.update_wrapper(functools.partial(law, read=read), law)


def _result(law: Law, make: Callable[[], object]) -> LawResult:
    name = law.__name__
    try:
        law(make)
    except LawError as error:
        return LawResult(name, ok=False, problem=str(error))
    except Exception as error:  # whatever a stranger's class raises is its problem
        return LawResult(name, ok=False, problem=f"{type(error).__name__}: {error}")
    return LawResult(name, ok=True)


def _close(component: object) -> None:
    with suppress(AttributeError):
        component.close()  # type: ignore[attr-defined]
