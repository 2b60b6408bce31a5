"""File events, debounced and filtered."""
