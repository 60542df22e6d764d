from dgtl_ray.engine.shelf import Shelf


def test_the_fastest_of_each_layer_stay() -> None:
    shelf = Shelf[str]()
    for k in range(20):
        shelf.keep(k % 2, f"schedule {k}", f"build {k}", cost_s=1.0 + (k % 10))
    assert shelf.find(0, "schedule 0") == "build 0"
    assert shelf.find(1, "schedule 11") == "build 11"
    assert shelf.find(1, "schedule 0") is None
    assert shelf.find(0, "schedule 8") is None
    assert shelf.find(2, "") is None


def test_what_is_timed_again_keeps_its_place_once() -> None:
    shelf = Shelf[str]()
    for cost_s in (3.0, 1.0, 2.0) * 8:
        shelf.keep(0, "again", f"{cost_s}", cost_s)
    shelf.keep(0, "other", "slow", 9.0)
    assert shelf.find(0, "again") == "2.0"
    assert shelf.find(0, "other") == "slow"
