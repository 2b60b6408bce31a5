"""Algorithmia's own client on the data API, with its address changed."""

import json
import sys
from pathlib import Path

import Algorithmia
from Algorithmia.acl import AclType, ReadAcl
from Algorithmia.errors import DataApiError


def main(address, folder):
    client = Algorithmia.client("simKEY", address)
    own = client.dir("data://.my/collection")
    assert not own.exists()
    own.create(ReadAcl.private)
    assert own.exists()
    assert own.get_permissions().read_acl == AclType.private
    assert own.update_permissions(ReadAcl.public)
    assert own.get_permissions().read_acl == AclType.public

    file = client.file("data://.my/collection/words.txt")
    assert not file.exists()
    file.put("zwölf")
    assert file.exists() and file.getString() == "zwölf"
    file.put(b"\x00\xff")
    assert file.getBytes() == b"\x00\xff"
    client.file("data://.my/collection/value.json").putJson({"a": [1, 2]})
    assert client.file("data://.my/collection/value.json").getJson() == {"a": [1, 2]}
    large = Path(folder) / "large.bin"
    large.write_bytes(bytes(range(256)) * 20_000)
    client.file("data://.my/collection/large.bin").putFile(str(large))
    got = client.file("data://.my/collection/large.bin").getFile(as_path=True)
    assert Path(got).read_bytes() == large.read_bytes()

    listed = {one.getName(): one.size for one in own.files()}
    assert listed == {
        "large.bin": 5_120_000,
        "value.json": len(json.dumps({"a": [1, 2]})),
        "words.txt": 2,
    }, listed
    assert [one.path for one in client.dir("data://.my").dirs()] == [".my/collection", ".my/many"]
    assert len(list(client.dir("data://.my/many").files())) == 1005

    try:
        client.file("data://.my/collection/nothing").getString()
    except DataApiError as error:
        assert "nothing at data://.my/collection/nothing" in str(error), error
    else:
        raise AssertionError("a file that is not there was read")
    try:
        own.delete()
    except DataApiError as error:
        assert "holds something" in str(error), error
    else:
        raise AssertionError("a folder that holds something was deleted")
    assert file.delete()
    assert own.delete(force=True)
    assert not own.exists()
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
