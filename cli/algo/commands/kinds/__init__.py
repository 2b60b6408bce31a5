"""What `algo import` knows: each file is a command, its help is in it, and nothing lists them."""
