"""Who may call: bearer tokens, and the web pages that a browser shows."""
