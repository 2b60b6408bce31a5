"""What files and folders have in common."""

from __future__ import annotations

from enum import Enum

DataObjectType = Enum("DataObjectType", "file directory")


class DataObject:
    """A file or a folder at `data://…`."""

    def __init__(self, kind):
        self.data_object_type = kind

    def is_file(self):
        """Tell whether it is a file."""
        return self.data_object_type is DataObjectType.file

    def is_dir(self):
        """Tell whether it is a folder."""
        return self.data_object_type is DataObjectType.directory

    def get_type(self):
        """Return what it is."""
        return self.data_object_type


def path_of(data_url):
    """Return the path in `data://owner/collection/name`, which code also writes without `data:`."""
    return data_url.removeprefix("data://").lstrip("/")


def parent_and_base(path):
    """Return the folder of a path and its last name."""
    parent, _, base = path.rstrip("/").rpartition("/")
    return parent, base
