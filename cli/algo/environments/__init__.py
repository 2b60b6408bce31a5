"""Resolve, lock and install a language's packages."""
