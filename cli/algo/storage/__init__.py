"""What lies on disks: archives read with care, files written so that they last, what may go."""
