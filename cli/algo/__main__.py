"""`python -m algo`."""

from algo.main import main

main()
