"""Languages: what their folders say, and where their steps run."""
