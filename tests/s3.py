"""An S3 of our own."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer
from pyarrow.fs import S3FileSystem

_REGION = "us-east-1"
# In the environment before Ray starts, so that its workers have them too.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Bucket:
    """A bucket of a server on loopback."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def uri(self, path: str) -> str:
        """The address of a folder in it."""
        return f"s3://bucket/{path}?scheme=http&region={_REGION}&endpoint_override={self._endpoint}"


@contextmanager
def s3_bucket() -> Iterator[Bucket]:
    """A bucket; `CREDENTIALS` have to be in the environment."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    S3FileSystem(
        endpoint_override=f"{host}:{port}",
        scheme="http",
        region=_REGION,
        allow_bucket_creation=True,
    ).create_dir("bucket")
    try:
        yield Bucket(f"{host}:{port}")
    finally:
        server.stop()
