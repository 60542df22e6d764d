"""Ask what to try, and tell what came of it: the loop, and what runs in it, are yours.

python examples/ask_and_tell.py [TRIALS]
"""

import sys

import dgtl_ray


def main(trials: str = "30") -> None:
    asking = dgtl_ray.ask_tell(
        {"x": dgtl_ray.randint(0, 64), "y": dgtl_ray.steps(0.1, 10.0, log=True)},
        restrictions=["x * y <= 200"],
        metric="loss",
        mode="min",
    )
    for _ in range(int(trials)):
        for trial in asking.ask():
            x, y = trial.config["x"], trial.config["y"]
            if x == 0:
                asking.tell(trial.trial_id, None)  # it failed: that is learned, too
            else:
                asking.tell(trial.trial_id, (x - 20) ** 2 / 100 + (y - 2) ** 2)
    print("best:", asking.best)


if __name__ == "__main__":
    main(*sys.argv[1:])
