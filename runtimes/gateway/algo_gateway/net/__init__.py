"""Which other machines the gateway may speak to by itself."""
