"""Files of the data API."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime

from Algorithmia.data import DataObject, DataObjectType, parent_and_base, path_of
from Algorithmia.errors import DataApiError, of_data

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class DataFile(DataObject):
    """The file at `data://owner/collection/name`."""

    def __init__(self, client, dataUrl):
        super().__init__(DataObjectType.file)
        self.client = client
        self.path = path_of(dataUrl)
        self.url = f"/v1/data/{self.path}"
        self.last_modified = None
        self.size = None

    def set_attributes(self, attributes):
        """Take over what a listing says of it."""
        self.last_modified = datetime.strptime(attributes["last_modified"], _TIME)
        self.size = attributes["size"]

    def getName(self):
        """Return its name without its folder."""
        return parent_and_base(self.path)[1]

    def exists(self):
        """Tell whether it is there."""
        return self.existsWithError()[0]

    def existsWithError(self):
        """Tell whether it is there, and what the API says where it is not."""
        answer = self.client.headHelper(self.url)
        there = answer.status_code == 200 and answer.headers.get("X-Data-Type") != "directory"
        return there, answer.headers.get("X-Error-Message") or f"status {answer.status_code}"

    def get(self):
        """Return the API's answer as it is."""
        return self.client.getHelper(self.url)

    def getFile(self, as_path=False):
        """Return a copy in a temporary file, opened, or its path."""
        handle, path = tempfile.mkstemp(suffix=os.path.splitext(self.path)[1])
        os.close(handle)
        try:
            self._answer().save(path)
        except BaseException:
            os.unlink(path)
            raise
        return path if as_path else open(path, errors="surrogateescape")

    def local_path(self):
        """Return where its bytes lie for reading: the file itself where it is at hand."""
        place = self.client.headHelper(self.url).headers.get("X-Algo-Path")
        return place if place and os.path.isfile(place) else self.getFile(as_path=True)

    def getBytes(self):
        """Return its bytes."""
        return self._answer().content

    def getString(self):
        """Return its text."""
        return self._answer().text

    def getJson(self):
        """Return its JSON value."""
        return self._answer().json()

    def getNumpy(self):
        """Return the numpy array that its JSON value is."""
        import numpy

        return numpy.array(self.getJson())

    def getAsZip(self):
        """Unpack it, and return the folder, or the file where it holds one."""
        import zipfile

        folder = tempfile.mkdtemp()
        path = self.getFile(as_path=True)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            names = archive.namelist()
        os.unlink(path)
        return folder if len(names) > 1 else os.path.join(folder, names[0])

    def put(self, data):
        """Write text or bytes."""
        if not isinstance(data, str | bytes | bytearray):
            raise TypeError("Must put strings or binary data. Use putJson instead")
        return self._put(data.encode() if isinstance(data, str) else bytes(data))

    def putJson(self, data):
        """Write a JSON value."""
        return self._put(json.dumps(data).encode())

    def putNumpy(self, array):
        """Write a numpy array as a JSON value."""
        return self.putJson(array.tolist())

    def putFile(self, path):
        """Write what the file at `path` holds."""
        with open(path, "rb") as file:
            return self._put(file)

    def putAsZip(self, path):
        """Write the file or the folder at `path`, packed."""
        import zipfile

        with tempfile.NamedTemporaryFile(suffix=".zip") as packed:
            with zipfile.ZipFile(packed, "w") as archive:
                for file in _files(path):
                    inside = os.path.relpath(file, path) if os.path.isdir(path) else file
                    archive.write(file, inside)
            packed.flush()
            return self.putFile(packed.name)

    def delete(self):
        """Delete it."""
        document = self.client.deleteHelper(self.url)
        if "error" in document:
            raise of_data(document, 400, self.path)
        return True

    def _answer(self):
        answer = self.client.getHelper(self.url)
        if not answer.ok:
            raise of_data(answer.document(), answer.status_code, self.path)
        if answer.headers.get("X-Data-Type") == "directory":
            raise DataApiError(f"{self.path} is a folder")
        return answer

    def _put(self, data):
        document = self.client.putHelper(self.url, data)
        if "error" in document:
            raise of_data(document, 400, self.path)
        return self


class AdvancedDataFile(DataFile):
    """A file that can be read as if it were open."""

    def __init__(self, client, dataUrl, cleanup=True):
        super().__init__(client, dataUrl)
        self.cleanup = cleanup
        self.local_file = None

    def __del__(self):
        if getattr(self, "local_file", None) is not None:
            self.local_file.close()
            if self.cleanup:
                os.unlink(self.local_file.name)

    def __iter__(self):
        return iter(self._opened())

    def readable(self):
        """Tell that it can be read."""
        return True

    def seekable(self):
        """Tell that one can go to any place in it."""
        return True

    def writable(self):
        """Tell that it cannot be written so."""
        return False

    def read(self, size=-1):
        """Read text."""
        return self._opened().read(size)

    def readline(self, size=-1):
        """Read a line."""
        return self._opened().readline(size)

    def readlines(self, hint=-1):
        """Read lines."""
        return self._opened().readlines(hint)

    def tell(self):
        """Return the place."""
        return self._opened().tell()

    def seek(self, offset, whence=0):
        """Go to a place."""
        return self._opened().seek(offset, whence)

    def _opened(self):
        if self.local_file is None:
            self.local_file = self.getFile()
        return self.local_file


class LocalDataFile(DataFile):
    """A file of this machine, `file://…`."""

    def __init__(self, client, filePath):
        super().__init__(client, filePath)
        self.path = filePath.removeprefix("file://")

    def existsWithError(self):
        """Tell whether it is there."""
        return os.path.isfile(self.path), f"{self.path} is not there"

    def getFile(self, as_path=False):
        """Return the file itself, opened, or its path."""
        return self.path if as_path else open(self.path, errors="surrogateescape")

    def local_path(self):
        """Return where it is."""
        return self.path

    def getBytes(self):
        """Return its bytes."""
        with open(self.path, "rb") as file:
            return file.read()

    def getString(self):
        """Return its text."""
        return self.getBytes().decode()

    def getJson(self):
        """Return its JSON value."""
        return json.loads(self.getBytes())

    def delete(self):
        """Delete it."""
        os.unlink(self.path)
        return True

    def _put(self, data):
        with open(self.path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.read())
        return self


def _files(path):
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(root, name) for root, _, names in os.walk(path) for name in names)
