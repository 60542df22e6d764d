from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgtl_ray.core.errors import InputError
from dgtl_ray.core.measurement import Status
from dgtl_ray.history import ParquetHistory, parse_filter, row_filter
from dgtl_ray.testing.measurements import example_measurement


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> ParquetHistory:
    """Trials 0 to 9 of latency trial milliseconds; 0 failed; odd ones are dense."""
    history = ParquetHistory(str(tmp_path_factory.mktemp("filter")))
    history.append(
        [
            example_measurement(0, status=Status.RUN_ERROR),
            *(
                example_measurement(
                    trial,
                    cost_s=trial / 1000,
                    operator="dense" if trial % 2 else "conv2d",
                    predicted_mean=None if trial < 5 else -6.0,
                )
                for trial in range(1, 10)
            ),
        ]
    )
    return history


@pytest.mark.parametrize(
    ("text", "trials"),
    [
        ("operator == 'conv2d' and cost_s < 0.005", [2, 4]),
        ("0.003 <= cost_s < 0.005", [3, 4]),
        ("0.008 < cost_s", [9]),
        ("trial > 7.5", [8, 9]),
        ("trial in [1, 2.0, 77]", [1, 2]),
        ("trial in []", []),
        ("operator not in ('conv2d',) and trial <= 3", [1, 3]),
        ("cost_s is None", [0]),
        ("predicted_mean is not None and trial != 7", [5, 6, 8, 9]),
        ("predicted_mean >= -6 and trial >= 9", [9]),
        ("cost_s != 0.001 and trial < 3", [2]),
        ("not (trial < 9 or status == 'run_error')", [9]),
        ("device.cores == 2 and toolchain['tvm'] == '0.27.0' and trial == 4", [4]),
        ("toolchain['gcc'] is None and trial == 4", [4]),
        ("created_at >= '2026-03-01T10:15:08'", [8, 9]),
        ("created_at < '2026-03-01T12:15:02+02:00'", [0, 1]),
        ("build_s == timing_s or trial == 3", [3]),
        ("timed_in not in ['network']", []),
        ("not timed_in in ['network']", []),
        ("toolchain['gcc'] not in ['12'] or trial == 4", [4]),
        ("toolchain['tvm'] not in ['0.1'] and trial == 4", [4]),
        ("timed_in in ['network'] or trial == 4", [4]),
    ],
)
def test_admits_the_rows_that_python_would(
    history: ParquetHistory, text: str, trials: list[int]
) -> None:
    table = history.scan(where=text, columns=["trial"])
    assert sorted(table.column("trial").to_pylist()) == trials


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour == 'red'", r"no column 'colour'; there are: measurement_id, run_id"),
        ("status = 'ok'", r"cannot read the filter .*\. Write a condition like"),
        ("", "cannot read the filter"),
        ("status", "'status' is no condition"),
        ("__import__('os').system('true')", "is no condition"),
        ("len(status) == 2", r"'len\(status\)' is no column"),
        ("status == f'{1}'", "is no column"),
        ("status == None", "write `is None`"),
        ("status is 'ok'", "`is` compares with None only"),
        ("1 < 2", "'2' is no column"),
        ("trial in 3", "`in` needs a list"),
        ("trial in [status]", "'status' is neither text nor number"),
        ("trial == 'three'", "trial holds int64: it cannot be compared with 'three'"),
        ("trial == True", "trial holds int64: it cannot be compared with True"),
        ("trial == 1" + "0" * 400, "trial holds int64: it cannot be compared"),
        ("status == 3", "status holds string: it cannot be compared with 3"),
        ("created_at > 'soon'", "created_at holds a time like"),
        ("created_at > 2026", "created_at holds a time like"),
        ("device == 'x'", r"take a field of it, like device\.name"),
        ("device.colour == 'x'", "device has no field 'colour'; there are: name, kind"),
        ("toolchain == 'x'", r"take a key of it, like toolchain\['tvm'\]"),
        ("metrics == 1", r"take a key of it, like metrics\['latency_s'\]"),
        ("encoding == 1", "encoding holds no single value"),
        ("trial.x == 1", "trial has no fields"),
        ("trial['x'] == 1", "trial has no keys"),
        ("trial == " + "9" * 3000, "at most 2000"),
        ("-" * 1500 + "1 < trial", "cannot read the filter"),
        ("(" * 500 + "trial == 1" + ")" * 500, "cannot read the filter"),
    ],
)
def test_names_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_filter(text)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_a_condition_or_an_input_error(history: ParquetHistory, text: str) -> None:
    with suppress(InputError):
        condition = parse_filter(text)
        assert history.scan(where=condition).num_rows <= 10


def test_row_filter_takes_values_and_collections(history: ParquetHistory) -> None:
    where = row_filter(operator="dense", trial={1, 2, 3}, network=["resnet18", "vgg16"])
    assert [row.trial for row in history.measurements(where)] == [1, 3]
    assert history.scan(where=row_filter()).num_rows == 10
    assert history.scan(where=row_filter(network=[])).num_rows == 0


def test_row_filter_names_an_unknown_column() -> None:
    with pytest.raises(InputError, match="no column 'colour'"):
        row_filter(colour="red")
