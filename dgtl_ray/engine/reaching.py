"""Whether a cluster answers at an address: Ray itself asks one that does not for minutes."""

import os

import grpc
from ray._private.services import canonicalize_bootstrap_address

_ANSWER_S = 5.0
_CLIENT = "ray://"


def require_answer(address: str) -> None:
    """Wait until somebody who speaks Ray's protocol answers there.

    Args:
        address: `auto`, `host:port`, or `ray://host:port`.

    Raises:
        ConnectionError: Nobody does within seconds.
        ValueError: That is no address.
    """
    server = _server(address)
    if server is None or os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
        return  # what starts a cluster, or is encrypted, is left to Ray
    with grpc.insecure_channel(server) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_ANSWER_S)
        except grpc.FutureTimeoutError:
            raise ConnectionError(
                f"nobody answers at {server} within {_ANSWER_S:g} s: start a cluster there (`ray"
                " up`, or `ray start --head`), or let `--address local` start one here"
            ) from None


def _server(address: str) -> str | None:
    """Host and port."""
    if address.startswith(_CLIENT):
        return address.removeprefix(_CLIENT)
    found: str | None = canonicalize_bootstrap_address(address)
    return found
