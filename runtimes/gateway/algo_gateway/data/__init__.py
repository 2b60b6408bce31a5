"""Files that code written for Algorithmia reads and writes at `data://`."""
