"""One small network, kept as peers take it."""

import pytest

from dgtl_ray.peers import KeptNetwork, keep_network

SPEC = "tests.networks:tiny"


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptNetwork:
    return keep_network(SPEC, tmp_path_factory.mktemp("kept"))
