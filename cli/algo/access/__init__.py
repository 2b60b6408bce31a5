"""Who may call a service: the file of its tokens."""
