"""Check, lock, build, test, push, sign and tag a version."""
