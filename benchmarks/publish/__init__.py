"""What publishing costs, and what a published version costs to run."""
