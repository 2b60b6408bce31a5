"""What an algorithm of Algorithmia says of itself: the function to call, and what it loads."""

from __future__ import annotations

import inspect

from adk.modeldata import ModelData

# The last one made or begun since the runner looked: an algorithm has one.
_found: list[ADK] = []


class ADK:
    """An algorithm.

    Args:
        apply_func: Takes the input, and the state where it has a second parameter.
        load_func: Returns the state; may take the data of the model manifest.
        client: The client that fetches the files of a model manifest.
    """

    def __init__(self, apply_func, load_func=None, client=None):
        self.apply_func = apply_func
        self.load_func = load_func
        self._client = client
        self.apply_arity = _positional(apply_func)
        self.load_arity = _positional(load_func) if load_func else 0
        if self.load_arity > 1:
            raise TypeError("load function expects 0 parameters, or 1 that gets the model data")
        self.load_result = None
        self.model_data = None
        self.is_local = False
        _found[:] = [self]

    @property
    def client(self):
        """The client; made when it is first asked for."""
        if self._client is None:
            import Algorithmia

            self._client = Algorithmia.client()
        return self._client

    def init(self, local_payload=None, pprint=print, mlops=False):
        """Begin: the runner calls `load` and `apply` from here on, so there is nothing to do."""
        _found[:] = [self]

    serve = init

    def load(self):
        """Return what `load_func` does; the files of a model manifest are there before."""
        if self.load_func is None:
            return None
        if self.load_arity == 0:
            self.load_result = self.load_func()
        else:
            self.model_data = ModelData(self.client)
            self.model_data.initialize()
            self.load_result = self.load_func(self.model_data)
        return self.load_result

    def apply(self, payload, state=None):
        """Call the algorithm; a state that is nothing, or that it has no place for, is left out."""
        if state and self.apply_arity == 2:
            return self.apply_func(payload, state)
        return self.apply_func(payload)


def take():
    """Return the algorithm that was made since the last time, None without one."""
    return _found.pop() if _found else None


def _positional(function):
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return sum(one.kind in kinds for one in inspect.signature(function).parameters.values())
