"""Annotations at work: what a call sends becomes what `apply` asks for, or is refused by path.

An annotation is compiled once, when the code is loaded, into a `Kind`: a function that converts
a decoded value, and a JSON Schema. The packages of annotations (numpy, pandas, …) are the
author's: none is imported here before the author's code has.
"""
