"""The cluster files are what Ray and KubeRay expect, and open nothing to strangers."""

from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.tune_job import tune_arguments
from tests.cluster.machine import ROOT

CLUSTER = ROOT / "cluster"
RAY_FILES = ("on_premise", "aws", "gcp")


def read(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((CLUSTER / f"{name}.yaml").read_text())
    return config


def kuberay() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CLUSTER / "kuberay.yaml").read_text()))


@pytest.mark.parametrize("name", RAY_FILES)
def test_ray_accepts_the_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    prepared = prepare_config(read(name))
    validate_config(prepared)
    assert prepared["cluster_name"] == read(name)["cluster_name"]
    with pytest.raises(ValidationError):
        validate_config({**prepared, "idle_timeout_minutes": "soon"})


@pytest.mark.parametrize("name", RAY_FILES)
def test_a_node_gets_all_that_its_setup_needs(name: str) -> None:
    config = read(name)
    for remote, local in config["file_mounts"].items():
        assert remote.startswith("~/")
        assert local.startswith("~/") or (ROOT / local).exists()
    assert config["setup_commands"] == ["~/dgtl_ray/cluster/setup_node.sh"]


@pytest.mark.parametrize("name", RAY_FILES)
def test_the_token_travels_and_ports_stay_closed(name: str) -> None:
    config = read(name)
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    start = " ".join(config["head_start_ray_commands"])
    assert "--dashboard-host=127.0.0.1" in start
    assert "cluster/start_head.py" in start
    environment = (CLUSTER / "environment.sh").read_text()
    assert "RAY_AUTH_MODE=token" in environment
    assert "RAY_enable_metrics_collection=0" in environment


@pytest.mark.parametrize("name", RAY_FILES)
def test_images_have_the_pinned_ray(name: str) -> None:
    docker = read(name).get("docker", {})
    images = [docker.get("image")] + [
        kind.get("docker", {}).get("worker_image")
        for kind in read(name).get("available_node_types", {}).values()
    ]
    assert all(f":{ray.__version__}-" in image for image in images if image)


@pytest.mark.parametrize("name", ["aws", "gcp"])
def test_the_head_is_cpu_only_and_builders_are_cheap(name: str) -> None:
    kinds = read(name)["available_node_types"]
    assert read(name)["head_node_type"] == "head"
    assert "GPU" not in kinds["head"]["resources"]
    assert kinds["build"]["min_workers"] == 0
    assert "spot" in str(kinds["build"]["node_config"]).lower()


def test_kuberay_has_the_shape_of_its_resource() -> None:
    cluster, policy = kuberay()
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        (container,) = group["template"]["spec"]["containers"]
        assert {"name", "image", "resources"} <= container.keys()
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    gpu = spec["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["resources"]
    assert gpu["limits"]["nvidia.com/gpu"] == "1"
    assert policy["spec"]["podSelector"]["matchLabels"]["ray.io/cluster"] == "dgtl"


def test_kuberay_uses_tokens_and_closes_the_dashboard() -> None:
    spec = kuberay()[0]["spec"]
    assert spec["rayVersion"] == ray.__version__
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["r18"], ["tune", "r18", "--address", "auto"]),
        (
            ["r18", "--history", "none"],
            ["tune", "r18", "--history", "none", "--address", "auto"],
        ),
        (
            ["r18", "--history=builtin", "--history", "s3://a"],
            ["tune", "r18", "--record", "s3://a", "--history", "builtin", "--address", "auto"],
        ),
        (
            ["r18", "--history", "s3://a", "--seed", "1", "--history=s3://b"],
            [
                "tune",
                "r18",
                "--seed",
                "1",
                "--record",
                "s3://a",
                "--history",
                "s3://b",
                "--address",
                "auto",
            ],
        ),
    ],
)
def test_the_first_address_of_a_history_is_the_shared_one(
    given: list[str], expected: list[str]
) -> None:
    assert tune_arguments(given) == expected


def test_every_command_of_the_readme_names_files_that_exist() -> None:
    text = (CLUSTER / "README.md").read_text()
    named = {word.strip("`,.:()") for word in text.split() if word.startswith("cluster/")}
    assert named
    assert [name for name in named if not Path(ROOT / name).exists()] == []
