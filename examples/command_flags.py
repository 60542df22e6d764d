"""Tune the flags of a program, whatever it is written in: `dgtl tune-command`.

python examples/command_flags.py [FOLDER [TRIALS]]
"""

import sys
from pathlib import Path

from dgtl_ray.cli import app

PROGRAM = """
import sys
chunk = int(sys.argv[1].removeprefix("--chunk="))
print(abs(chunk - 64) / 64)
"""


def main(folder: str = "runs/flags", trials: str = "6") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    program = Path(folder) / "program.py"
    program.write_text(PROGRAM)
    command = f"{sys.executable} {program} --chunk={{chunk}}"
    options = ["--param", "chunk=16,32,64,128", "--metric", "distance", "--repeats", "1"]
    more = ["--trials", trials, "--out", f"{folder}/tuned"]
    app(["tune-command", command, *options, *more], standalone_mode=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
