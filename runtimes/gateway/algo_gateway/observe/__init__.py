"""What the gateway counts and writes down."""
