"""The layers of a run, packed into actors; one that dies is made anew from what is known."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, TypeAlias

import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from dgtl_ray.core.errors import DgtlError
from dgtl_ray.engine.layer import Candidate, LayerActor, LayerSetup, Order, Outcome, Transfer
from dgtl_ray.engine.places import driver_node, pinned

# Outcomes of a layer that count: those of history, and those of this run so far.
Known: TypeAlias = Callable[[int], Sequence[Outcome]]

# How Ray tells that a process is gone; the second, that its memory monitor ended it.
_GONE = (RayActorError, OutOfMemoryError)
_TRIES = 4
_KEEPS_DYING = (
    "a process that holds layers dies again and again: is there memory enough on the driver's node?"
)


class LayerActors:
    """Actors that hold several layers each. Lives in one event loop.

    Their processes start at once, and import what the searches need.

    Args:
        setups: What each layer is made of.
        count: How many actors there are at most.
        known: What an actor is told when it takes its layers on, or is made anew.
    """

    def __init__(self, setups: Sequence[LayerSetup], count: int, known: Known) -> None:
        self._knowledge: Any = None
        self._known = known
        # Configurations by layer that were asked for, and of which no outcome is known yet.
        self._pending: dict[int, set[str]] = {layer: set() for layer in range(len(setups))}
        self._node = driver_node()
        self._shards = [
            _Shard({layer: setups[layer] for layer in layers})
            for layers in shards(len(setups), count)
        ]
        self._shard_of = {layer: shard for shard in self._shards for layer in shard.setups}
        for shard in self._shards:
            self._begin(shard)

    async def start(self, knowledge: Any) -> None:
        """Wait until every actor is there and knows what is known.

        Args:
            knowledge: Ray's reference to what is known of other tasks.

        Raises:
            DgtlError: One dies again and again.
        """
        self._knowledge = knowledge
        await asyncio.gather(*map(self._take_on_or_renew, self._shards))

    async def propose(self, orders: Mapping[int, Order]) -> dict[int, list[Candidate]]:
        """Candidates by layer, as ordered.

        Raises:
            DgtlError: An actor dies again and again.
        """
        proposed: dict[int, list[Candidate]] = await self._ask_all("propose", orders)
        for layer, candidates in proposed.items():
            self._pending[layer].update(candidate.config for candidate in candidates)
        return proposed

    async def again(
        self, candidates: Mapping[int, Sequence[Candidate]]
    ) -> dict[int, list[Candidate]]:
        """Candidates of an earlier process, by layer, counted as proposed and complete.

        Raises:
            DgtlError: An actor dies again and again.
        """
        for layer, of_layer in candidates.items():
            self._pending[layer].update(candidate.config for candidate in of_layer)
        return await self._ask_all("again", candidates)

    async def observe(self, outcomes: Mapping[int, Sequence[Outcome]]) -> None:
        """Give each layer outcomes that are `known` since.

        Raises:
            DgtlError: An actor dies again and again.
        """
        for layer, of_layer in outcomes.items():
            self._pending[layer].difference_update(outcome.config for outcome in of_layer)
        await self._ask_all("observe", outcomes)

    async def schedules(self, configs: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
        """The schedule text of configurations, by layer.

        Raises:
            DgtlError: An actor dies again and again.
        """
        return await self._ask_all("schedules", configs)

    async def transfers(self) -> dict[int, Transfer]:
        """What came of each layer's sources.

        Raises:
            DgtlError: An actor dies again and again.
        """
        answers = await asyncio.gather(*(self._ask(s, "transfers") for s in self._shards))
        return dict(chain.from_iterable(answer.items() for answer in answers))

    def kill(self) -> None:
        """End the actors."""
        for shard in self._shards:
            if shard.actor is not None:
                ray.kill(shard.actor)

    async def _ask_all(self, method: str, of_layer: Mapping[int, Any]) -> dict[int, Any]:
        """Call a method of each layer's actor with its part of `of_layer`; answers by layer."""
        parts: dict[_Shard, dict[int, Any]] = {}
        for layer, value in of_layer.items():
            parts.setdefault(self._shard_of[layer], {})[layer] = value
        answers = await asyncio.gather(*(self._ask(s, method, part) for s, part in parts.items()))
        return dict(chain.from_iterable(answer.items() for answer in answers))

    async def _ask(self, shard: "_Shard", method: str, *part: dict[int, Any]) -> dict[int, Any]:
        for _ in range(_TRIES):
            lives = shard.lives
            try:
                answer: dict[int, Any] | None = await getattr(shard.actor, method).remote(*part)
            except _GONE:
                await self._renew(shard, lives)
                if method == "observe":
                    return {}  # the new actor was told all that is known, this too
            else:
                return answer or {}
        raise DgtlError(_KEEPS_DYING)

    async def _take_on_or_renew(self, shard: "_Shard") -> None:
        lives = shard.lives
        try:
            await self._take_on(shard)
        except _GONE:
            await self._renew(shard, lives)

    async def _renew(self, shard: "_Shard", lives: int) -> None:
        """Replace the actor of a shard that has had so many `lives`, unless it was meanwhile."""
        async with shard.lock:
            for _ in range(_TRIES):
                if shard.lives != lives:
                    return
                with suppress(*_GONE):
                    ray.kill(shard.actor)
                    self._begin(shard)
                    await self._take_on(shard)
                    return
                lives = shard.lives
        raise DgtlError(_KEEPS_DYING)

    def _begin(self, shard: "_Shard") -> None:
        """Let a process start."""
        shard.lives += 1
        where = pinned(self._node, soft=True)
        shard.actor = LayerActor.options(scheduling_strategy=where).remote(shard.setups)

    async def _take_on(self, shard: "_Shard") -> None:
        """Tell a process all that is known.

        It does what it is called for in turn, so all of this is called at once: what others ask of
        it meanwhile comes after.
        """
        actor = shard.actor
        await asyncio.gather(
            actor.take_on.remote(self._knowledge),
            actor.observe.remote({k: self._known(k) for k in shard.setups}),
            actor.reserve.remote({k: list(self._pending[k]) for k in shard.setups}),
        )


class _Shard:
    """Layers that share an actor, and how many actors they have had."""

    def __init__(self, setups: Mapping[int, LayerSetup]) -> None:
        self.setups = setups
        self.actor: Any = None
        self.lives = 0
        self.lock = asyncio.Lock()


def shards(count: int, parts: int) -> list[Sequence[int]]:
    """Indices 0 … count − 1 dealt out to at most `parts` shards, none of them empty."""
    return [range(k, count, parts) for k in range(min(parts, count))]
