#!/bin/sh
# What conda-lock takes for conda: our small one, run by the Python that has py-rattler.
exec "$ALGO_CONDA_PYTHON" -P -m algo.environments.conda.program "$@"
