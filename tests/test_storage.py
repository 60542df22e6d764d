"""Folders to keep things in, on this machine and in an object store."""

from pathlib import Path

import pytest
from pyarrow.fs import FileType

from dgtl_ray.core.errors import InputError
from dgtl_ray.storage import Storage, _with_key, join, split, told
from tests.s3 import Bucket


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "there")
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket.uri(f"{tmp_path.name}/there")


def test_what_was_put_is_got(uri: str) -> None:
    storage = Storage(uri)
    storage.create()
    assert storage.get("a") is None
    for data in (b"first", b"second"):
        storage.put("a", data)
        assert Storage(uri).get("a") == data
    assert storage.files() == {"a": 6}
    storage.delete("a")
    assert storage.kind("a") is FileType.NotFound


def test_a_folder_goes_there_and_comes_back(uri: str, tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    for name in ("code", "weights"):
        (tmp_path / "from" / name).write_bytes(name.encode() * 1000)
    Storage(uri).upload(tmp_path / "from", "module")
    Storage(join(uri, "module")).download(tmp_path / "to")
    assert {p.name: p.read_bytes() for p in (tmp_path / "to").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "from").iterdir()
    }


def test_a_probe_leaves_nothing(uri: str) -> None:
    Storage(uri).probe()
    assert Storage(uri).files() == {}


def test_a_probe_of_what_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="check the address"):
        Storage(tmp_path / "file" / "folder").probe()


@pytest.mark.parametrize(
    ("uri", "parent"),
    [
        ("runs/r18", "runs"),
        ("r18", "."),
        ("/r18", "/"),
        ("file:///r18", "file:///"),
        ("s3://bucket/runs/r18", "s3://bucket/runs"),
        ("s3://bucket/runs/r18?endpoint_override=h/x", "s3://bucket/runs?endpoint_override=h/x"),
    ],
)
def test_addresses_are_split_and_joined(uri: str, parent: str) -> None:
    assert split(uri) == (parent, "r18")
    assert join(parent, "r18").removeprefix("./") == uri


@pytest.mark.parametrize("options", ["", "?region=x"])
def test_a_bucket_is_split_and_joined(options: str) -> None:
    assert split(f"s3://bucket{options}") == (f"s3://{options}", "bucket")
    assert join(f"s3://{options}", "bucket") == f"s3://bucket{options}"


def test_a_whole_bucket_is_a_folder(bucket: Bucket) -> None:
    storage = Storage(join(*split(bucket.uri(""))))
    storage.create()
    storage.put("in-no-folder", b"data")
    assert Storage(bucket.uri("")).get("in-no-folder") == b"data"
    storage.delete("in-no-folder")


@pytest.mark.parametrize("uri", ["", "/", "file:///", "s3://", "s3://?region=x"])
def test_what_has_no_name_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="does not name a folder: add a name"):
        split(uri)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("s3://KEY:SECRET@bucket/r18?region=x", "s3://bucket/r18?region=x"),
        ("s3://KEY:SEC/RET+@bucket/a@b", "s3://bucket/a@b"),
        ("abfs://container:SECRET@host/r18", "abfs://container@host/r18"),
    ],
)
def test_an_address_is_told_without_its_key_and_opened_with_it(given: str, shown: str) -> None:
    assert told(given) == told(shown) == shown
    assert _with_key(shown) == given
    assert _with_key(join(shown, "module")) == join(given, "module")
    other = f"{shown.partition('?')[0]}-other"
    assert _with_key(other) == other


@pytest.mark.parametrize("uri", ["runs/a@b", "s3://bucket/a:b@c", "hdfs://host:80/a@b"])
def test_what_is_no_key_is_told(uri: str) -> None:
    assert told(uri) == uri


def test_a_key_is_in_no_message() -> None:
    with pytest.raises(InputError, match="cannot use carrier://pigeon@loft/r18: ") as caught:
        Storage("carrier://pigeon:SECRET@loft/r18")
    assert "SECRET" not in str(caught.value)
