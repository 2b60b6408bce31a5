"""Calls that outlive their request: accepted, kept, run, and told of when they end."""
