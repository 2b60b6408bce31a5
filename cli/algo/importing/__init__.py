"""Make a project of a model that something else has trained."""
