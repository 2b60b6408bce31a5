"""The algorithm's public face: schema and golden cases."""
