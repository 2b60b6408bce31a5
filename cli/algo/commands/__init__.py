"""One file per verb: parse, call once, show once."""
