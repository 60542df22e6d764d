"""Programs with flags as functions."""

import sys
from pathlib import Path

import pytest

from dgtl_ray.core.errors import InputError
from dgtl_ray.run.program import Program, read_flags, read_parameter

PRINT = f'{sys.executable} -c \'import sys; print("took", sys.argv[1], "ms")\' {{tile}}'


def test_a_number_that_it_prints() -> None:
    program = Program(PRINT, ["tile"], metric="ms")
    assert program({"tile": "1.5e2"}) == {"ms": 150.0}


def test_its_own_seconds() -> None:
    program = Program(f"{sys.executable} -c pass {{tile[1]}}", ["tile"], repeats=2)
    assert 0 < program({"tile": (1, 2)})["latency_s"] < 60


def test_its_failure_is_told() -> None:
    with pytest.raises(RuntimeError, match="exit status 3: no such tile"):
        Program(
            f"{sys.executable} -c 'import sys; print(\"no such tile\", file=sys.stderr); exit(3)'"
            " {tile}",
            ["tile"],
        )({"tile": 1})
    with pytest.raises(RuntimeError, match="cannot run no-such-program"):
        Program("no-such-program {tile}", ["tile"])({"tile": 1})
    with pytest.raises(RuntimeError, match="printed no number"):
        Program(f"{sys.executable} -c pass {{tile}}", ["tile"], metric="ms")({"tile": 1})


def test_no_shell_reads_it() -> None:
    program = Program(PRINT, ["tile"], metric="ms")
    assert program({"tile": "7; echo 8"}) == {"ms": 8.0}  # one word of the program's own
    assert Program(PRINT, ["tile"], metric="ms")({"tile": "$HOME 3"}) == {"ms": 3.0}


@pytest.mark.parametrize("command", ["prog --tile {other}", "prog", "", "prog '{tile}"])
def test_a_command_that_does_not_fit_is_refused(command: str) -> None:
    with pytest.raises(InputError, match="command"):
        Program(command, ["tile"])


def test_parameters_as_the_command_line_gives_them() -> None:
    assert read_parameter("tile=8,16,0.5,row") == ("tile", [8, 16, 0.5, "row"])
    assert read_parameter("unroll=1..4") == ("unroll", [1, 2, 3, 4])
    for wrong in ("tile", "=8", "tile=", "1x=3"):
        with pytest.raises(InputError, match="write name="):
            read_parameter(wrong)


def test_a_range_of_too_many_values_is_refused() -> None:
    with pytest.raises(InputError, match="'n': a parameter has more than"):
        read_parameter("n=1..2147483648")


def test_a_parameter_that_is_given_twice_is_refused() -> None:
    assert read_flags(["tile=8", "unroll=1..2"]) == {"tile": [8], "unroll": [1, 2]}
    with pytest.raises(InputError, match="tile is given twice: write tile=8,16"):
        read_flags(["tile=8", "tile=16"])


def test_whatever_one_interpreter_runs_has_a_name_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").touch()
    one, other = (Program(f"python {file} --n {{n}}", ["n"]) for file in ("a.py", "/b/c.py"))
    assert one.__name__ == f"python {tmp_path.name}/a.py --n {{n}}"
    assert other.__name__ == "python /b/c.py --n {n}"
    assert (one.label, other.label) == ("python a.py", "python c.py")


def test_programs_of_one_name_in_two_folders_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    for folder in (tmp_path / "blur", tmp_path / "sharpen"):
        folder.mkdir()
        (folder / "main").touch()
        monkeypatch.chdir(folder)
        names.append(Program("./main {n}", ["n"]).__name__)
    assert names == ["blur/main {n}", "sharpen/main {n}"]


def test_long_commands_have_short_names_that_differ() -> None:
    programs = [Program(f"python -c '{'pass;' * 100}{k}' {{n}}", ["n"]) for k in range(2)]
    assert len({program.__name__ for program in programs}) == 2
    assert all(len(program.__name__) < 100 for program in programs)
    assert {program.label for program in programs} == {"python"}
