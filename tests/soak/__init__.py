"""A service under mixed load and faults for a long time: `make soak`."""
