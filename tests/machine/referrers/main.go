// A registry with the Referrers API: `referrers ADDRESS FOLDER`. Manifests live in memory.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	blobs := registry.NewDiskBlobHandler(os.Args[2])
	quiet := registry.Logger(log.New(os.Stderr, "", 0))
	server := registry.New(quiet, registry.WithReferrersSupport(true), registry.WithBlobHandler(blobs))
	log.Fatal(http.ListenAndServe(os.Args[1], server))
}
