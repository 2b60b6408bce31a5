"""Throughput and latency of the gateway beside its peers (see README.md)."""
