"""Start, watch, reload, call and stop an algorithm."""
