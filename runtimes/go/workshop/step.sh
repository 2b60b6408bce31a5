#!/bin/sh
# step.sh RUNTIME CACHE STEP …: compiles the builder, which has no dependencies, and takes the step.
runtime=$1 cache=$2
shift 2
# What Go compiled is named by what it was compiled from, so the user's own is as good; an image
# brings its standard library.
if [ ! -d "$(go env GOCACHE)" ]; then
  export GOCACHE="$cache/compiled"
  [ -d "$GOCACHE" ] || [ ! -d /var/cache/go ] || cp -r /var/cache/go "$GOCACHE"
fi
export GOMODCACHE="$cache/modules" GOFLAGS=-modcacherw GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0
go build -C "$runtime/workshop/builder" -trimpath -buildvcs=false -o "$cache/builder" . &&
  exec "$cache/builder" "$runtime" "$@"
