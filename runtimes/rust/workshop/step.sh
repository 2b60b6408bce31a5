#!/bin/sh
# step.sh RUNTIME CACHE STEP …: compiles the builder, which has no dependencies, and takes the step.
runtime=$1 cache=$2
shift 2
builder=$runtime/workshop/builder
# Cargo goes by times, which say nothing of another release's sources: each has a folder of its own.
key=$(cat "$builder"/src/*.rs "$builder"/program/* "$builder"/../algorithmia/Cargo.toml.in | cksum | tr -d ' ')
exec cargo run --quiet --locked --offline --manifest-path "$builder/Cargo.toml" \
  --target-dir "$cache/builder-$key" -- "$@"
