"""How fast images come to be, beside `docker build`."""
