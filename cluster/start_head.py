"""`ray start --head` without Ray's client server.

That server lets machines elsewhere run code on the cluster, and `ray start` begins it on the node's
own address wherever gRPC is installed, with no option that says no. Here Ray is told that there is
none to begin. Arguments are those of `ray start --head`.
"""

import sys

from ray.scripts import scripts


def main() -> None:
    """Start the head."""
    scripts.get_ray_client_dependency_error = lambda: ImportError("no client server is wanted")
    scripts.cli(["start", "--head", *sys.argv[1:]])


if __name__ == "__main__":
    main()
