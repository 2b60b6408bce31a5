"""Traces: W3C trace context in, through and out; spans by OTLP where that is configured."""
