"""A call on its way: what it is, who goes first, when it is over, when a batch leaves."""
