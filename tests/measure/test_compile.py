"""What candidates are compiled for."""

import json

from dgtl_ray.measure.compile import quickly_built


def test_candidates_are_built_at_a_lower_level_than_tvm_takes() -> None:
    assert json.loads(quickly_built('{"kind": "llvm", "mcpu": "znver3"}')) == {
        "kind": "llvm",
        "mcpu": "znver3",
        "opt-level": 2,
    }


def test_the_users_level_stays() -> None:
    target = '{"kind": "llvm", "opt-level": 1}'
    assert json.loads(quickly_built(target)) == json.loads(target)


def test_another_kind_of_target_stays() -> None:
    target = '{"kind": "cuda", "arch": "sm_90"}'
    assert quickly_built(target) == target
