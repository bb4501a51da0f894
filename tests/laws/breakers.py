"""Which class breaks which law: proof that a law can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from streamadapt.errors import LawError

T = TypeVar("T", bound=Callable[..., Any])


class Breakers:
    """Collects (law, class) pairs of one contract."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, Callable[..., Any]]] = []
        self._errors: dict[Callable[..., Any], type[Exception]] = {}

    def breaks(self, law: str, error: type[Exception] = LawError) -> Callable[[T], T]:
        def note(broken: T) -> T:
            self.pairs.append((law, broken))
            self._errors[broken] = error
            return broken

        return note

    def caught_as(self, broken: Callable[..., Any]) -> type[Exception]:
        """Return what the law raises: `LawError`, or what the class itself raises."""
        return self._errors[broken]

    def ids(self) -> list[str]:
        return [f"{broken.__name__}-{law}" for law, broken in self.pairs]
