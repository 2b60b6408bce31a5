"""What several verbs share: from options to use cases, and from results to text."""
