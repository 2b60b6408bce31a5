"""Algorithmia's development kit: `ADK(apply, load).init()` tells the runner what to call."""

from adk.ADK import ADK

__all__ = ["ADK"]
