"""Media types of the OCI image and Docker specifications, and of what we attach."""

from __future__ import annotations

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"

DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({MANIFEST, DOCKER_MANIFEST})

SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
CONTRACT = "application/vnd.algo.contract.v1+json"
LOCK = "application/vnd.algo.lock.v1+toml"
LOCK_FILE = "application/vnd.algo.lock.file.v1"

REF_NAME = "org.opencontainers.image.ref.name"
"""Annotation of an index entry in an image layout: the tag (image-spec, annotations)."""

SUBJECT = "dev.algo.subject"
"""Annotation of an index entry in our layouts: the digest that its manifest is about, or empty."""
