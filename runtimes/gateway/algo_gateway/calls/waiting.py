"""The calls that wait, taken in turn from the clients that sent them."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sent(Protocol):
    """What a client sent: a call, or a job."""

    @property
    def client(self) -> str:
        """Who sent it."""

    @property
    def arrived(self) -> float:
        """When it came."""


T = TypeVar("T", bound=Sent)


class Waiting(Generic[T]):
    """A queue for each client, emptied round-robin: who sends much waits for himself.

    Source: stochastic fairness queueing (P. McKenney, 1990), with a queue per client.
    """

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for calls in self._clients.values():
            yield from calls

    @property
    def oldest(self) -> float:
        """When the call that waits longest arrived, by `time.monotonic`."""
        return min(calls[0].arrived for calls in self._clients.values())

    def append(self, call: T) -> None:
        """Add a call behind those of its client."""
        calls = self._clients.get(call.client)
        if calls is None:
            calls = self._clients[call.client] = deque()
        calls.append(call)
        self._count += 1

    def put_back(self, call: T) -> None:
        """Let a call be the next one."""
        calls = self._clients.setdefault(call.client, deque())
        calls.appendleft(call)
        self._clients.move_to_end(call.client, last=False)
        self._count += 1

    def next(self) -> T:
        """Take the next call."""
        client, calls = next(iter(self._clients.items()))
        call = calls.popleft()
        self._count -= 1
        if calls:
            self._clients.move_to_end(client)
        else:
            del self._clients[client]
        return call

    def remove(self, call: T) -> bool:
        """Take out `call`; False when it does not wait here."""
        calls = self._clients.get(call.client)
        if calls is None or call not in calls:
            return False
        calls.remove(call)
        self._count -= 1
        if not calls:
            del self._clients[call.client]
        return True

    def give_way(self, client: str) -> T | None:
        """Take out the newest call of the client that has most, if `client` has fewer by two.

        So a place is found for one who sends little in a queue that another one fills.
        """
        most = max(self._clients, key=lambda one: len(self._clients[one]), default="")
        calls = self._clients.get(most, deque())
        if len(calls) < len(self._clients.get(client, ())) + 2:
            return None
        call = calls[-1]
        self.remove(call)
        return call
