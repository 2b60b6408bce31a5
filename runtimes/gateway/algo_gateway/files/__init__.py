"""Files in requests: forms, and URLs that the gateway fetches. Both become one body in parts."""
