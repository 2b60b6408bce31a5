"""What goes into an image, and in which order."""
