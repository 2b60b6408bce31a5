"""Where versions live: OCI registries and the embedded layout store."""
