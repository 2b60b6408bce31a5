"""Keys, statements, signatures and verification."""
