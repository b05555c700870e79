"""All that can go wrong on purpose: named knobs, each armed by a count, a probability or a script, each counting."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from servicekit.clock import Clock
from tests.simulators.vast.knobs import KNOBS


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that happens now, with the value that it was armed with (or that its knob has by default)."""

    name: str
    value: Any


@dataclass(slots=True, kw_only=True)
class Knob:
    """One named fault: what it does, how it is armed, and how often it was asked and fired."""

    name: str
    about: str
    default: Any = None
    times: int = 0
    probability: float = 0.0
    script: list[Any] = field(default_factory=list)
    match: dict[str, Any] = field(default_factory=dict)
    value: Any = None
    until: float | None = None
    asked: int = 0
    fired: int = 0
    chance: random.Random = field(default_factory=random.Random, repr=False)

    @property
    def armed(self) -> bool:
        """Whether it may still fire."""
        return self.times > 0 or self.probability > 0 or bool(self.script)

    def disarm(self) -> None:
        """Lets it be; what it has counted stays."""
        self.times, self.probability, self.script, self.match = 0, 0.0, [], {}
        self.value = self.until = None

    def hit(self, context: Mapping[str, Any], now: float) -> Hit | None:
        """Returns whether it fires this time."""
        if not self.armed or not _matches(self.match, context):
            return None
        if self.until is not None and now >= self.until:
            self.disarm()
            return None
        self.asked += 1
        fires, value = self._turn()
        if not fires:
            return None
        self.fired += 1
        return Hit(self.name, self.default if value is None else value)

    def _turn(self) -> tuple[bool, Any]:
        if self.script:
            step = self.script.pop(0)
            return bool(step), self.value if isinstance(step, bool) else step
        if self.times > 0:
            self.times -= 1
            return True, self.value
        return self.chance.random() < self.probability, self.value

    def described(self) -> dict[str, Any]:
        """Returns it as JSON."""
        return {
            "name": self.name,
            "about": self.about,
            "default": self.default,
            "armed": self.armed,
            "times": self.times,
            "probability": self.probability,
            "script": list(self.script),
            "match": dict(self.match),
            "value": self.value,
            "asked": self.asked,
            "fired": self.fired,
        }


class Faults:
    """The knobs by name."""

    def __init__(self, *, seed: int, clock: Clock) -> None:
        self._clock = clock
        self._knobs = {
            name: Knob(name=name, about=about, default=default, chance=random.Random(f"{seed}:{name}"))
            for name, (about, default) in KNOBS.items()
        }

    def __getitem__(self, name: str) -> Knob:
        return self._knobs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._knobs

    def __iter__(self) -> Iterator[Knob]:
        return iter(self._knobs.values())

    @property
    def fired(self) -> dict[str, int]:
        """How often each knob fired, of those that did."""
        return {knob.name: knob.fired for knob in self if knob.fired}

    def arm(
        self,
        name: str,
        *,
        times: int | None = None,
        probability: float | None = None,
        script: Sequence[Any] | None = None,
        match: Mapping[str, Any] | None = None,
        value: Any = None,
        seconds: float | None = None,
    ) -> Knob:
        """Arms a knob anew; without `times`, `probability` and `script` it fires once.

        A script has one entry for each time that it is asked: false, true, or the value to fire with. `match` names
        what has to be so, by shell patterns: `endpoint`, `method`, `path`, `instance`, `machine`, `offer`, `label`,
        `image`, `gpu_name`. `value` says what exactly happens, see KNOBS. After `seconds` of the clock it is disarmed.
        Raises KeyError, ValueError.
        """
        given = [one for one in (times, probability, script) if one is not None]
        if len(given) > 1:
            raise ValueError("A fault is armed by times, by probability or by a script, not by several of them.")
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"The probability {probability} is not between 0 and 1.")
        knob = self._knobs[name]
        knob.disarm()
        knob.times = (0 if given else 1) if times is None else times
        knob.probability = probability or 0.0
        knob.script = list(script or ())
        knob.match = dict(match or {})
        knob.value = value
        knob.until = None if seconds is None else self._clock.monotonic() + seconds
        return knob

    def disarm(self, name: str | None = None) -> None:
        """Disarms one knob, or all of them."""
        for knob in self if name is None else (self._knobs[name],):
            knob.disarm()

    def hit(self, name: str, **context: Any) -> Hit | None:
        """Returns the fault if it happens now, under these circumstances."""
        return self._knobs[name].hit(context, self._clock.monotonic())


def _matches(wanted: Mapping[str, Any], context: Mapping[str, Any]) -> bool:
    return all(
        name in context and any(fnmatchcase(str(context[name]), str(one)) for one in _several(pattern))
        for name, pattern in wanted.items()
    )


def _several(pattern: Any) -> Sequence[Any]:
    return pattern if isinstance(pattern, list | tuple) else (pattern,)
