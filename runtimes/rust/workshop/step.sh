#!/bin/sh
# step.sh RUNTIME CACHE STEP …: compiles the builder, which has no dependencies, and takes the step.
runtime=$1 cache=$2
shift 2
exec cargo run --quiet --locked --offline --manifest-path "$runtime/workshop/builder/Cargo.toml" \
  --target-dir "$cache/builder" -- "$@"
