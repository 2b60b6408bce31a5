"""Folders of the data API."""

from __future__ import annotations

import os
import tempfile

from Algorithmia.acl import Acl
from Algorithmia.data import DataObject, DataObjectType, parent_and_base, path_of
from Algorithmia.datafile import AdvancedDataFile, LocalDataFile
from Algorithmia.errors import of_data


class DataDirectory(DataObject):
    """The folder at `data://owner/collection`."""

    def __init__(self, client, dataUrl):
        super().__init__(DataObjectType.directory)
        self.client = client
        self.path = path_of(dataUrl)
        self.url = f"/v1/data/{self.path}"

    def getName(self):
        """Return its name without the folder above."""
        return parent_and_base(self.path)[1]

    def exists(self):
        """Tell whether it is there."""
        return self.client.getHelper(self.url).status_code == 200

    def create(self, acl=None):
        """Make it, with an access list where one is given."""
        parent, name = parent_and_base(self.path)
        wanted = {"name": name} | ({"acl": acl.to_api_param()} if acl is not None else {})
        answer = self.client.postJsonHelper(f"/v1/data/{parent}", wanted, False)
        if not answer.ok:
            raise of_data(answer.document(), answer.status_code, self.path)

    def delete(self, force=False):
        """Delete it; one that holds something only by force."""
        answer = self.client.request("DELETE", self.url, **({"force": "true"} if force else {}))
        if not answer.ok:
            raise of_data(answer.document(), answer.status_code, self.path)
        return True

    def file(self, name, cleanup=True):
        """Return a file in it."""
        return AdvancedDataFile(self.client, self._below(name), cleanup)

    def dir(self, name):
        """Return a folder in it."""
        return DataDirectory(self.client, self._below(name))

    def files(self):
        """Return the files in it."""
        return (one for one in self.list() if one.is_file())

    def dirs(self):
        """Return the folders in it."""
        return (one for one in self.list() if one.is_dir())

    def list(self):
        """Return what is in it, folders first."""
        marker = None
        while True:
            answer = self.client.getHelper(self.url, **({"marker": marker} if marker else {}))
            if not answer.ok:
                raise of_data(answer.document(), answer.status_code, self.path)
            document = answer.json()
            for one in document.get("folders", []):
                yield self.dir(one["name"])
            for one in document.get("files", []):
                found = self.file(one["filename"])
                found.set_attributes(one)
                yield found
            marker = document.get("marker")
            if not marker:
                return

    def getDir(self):
        """Return a temporary folder with a copy of each file in it."""
        folder = tempfile.mkdtemp()
        for one in self.files():
            os.rename(one.getFile(as_path=True), os.path.join(folder, one.getName()))
        return folder

    def get_permissions(self):
        """Return its access list."""
        answer = self.client.getHelper(self.url, acl="true")
        if not answer.ok:
            raise of_data(answer.document(), answer.status_code, self.path)
        acl = answer.json().get("acl")
        return Acl.from_acl_response(acl) if acl is not None else None

    def update_permissions(self, acl):
        """Give it another access list."""
        answer = self.client.patchHelper(self.url, {"acl": acl.to_api_param()})
        if not answer.ok:
            raise of_data(answer.document(), answer.status_code, self.path)
        return True

    def _below(self, name):
        return f"{self.path.rstrip('/')}/{name}" if self.path else name


class LocalDataDirectory:
    """A folder of this machine, `file://…`."""

    def __init__(self, client, dataUrl):
        self.client = client
        self.path = dataUrl.removeprefix("file://")

    def exists(self):
        """Tell whether it is there."""
        return os.path.isdir(self.path)

    def create(self):
        """Make it."""
        os.mkdir(self.path)

    def delete(self, force=False):
        """Delete it; one that holds something not at all."""
        os.rmdir(self.path)

    def file(self, name):
        """Return a file in it."""
        return LocalDataFile(self.client, f"file://{self.path.rstrip('/')}/{name}")

    def list(self):
        """Return the names in it."""
        return iter(sorted(os.listdir(self.path)))

    def files(self):
        """Return the names of files in it."""
        return (name for name in self.list() if os.path.isfile(os.path.join(self.path, name)))

    def dirs(self):
        """Return the names of folders in it."""
        return (name for name in self.list() if os.path.isdir(os.path.join(self.path, name)))
