"""What is told of somebody else's error."""

import pytest

from dgtl_ray.core.errors import first_line, last_line


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("one", "one", "one"),
        ("\n  one \n\n two\n ", "one", "two"),
        ("", "ValueError", "ValueError"),
        (" \n\n", "ValueError", "ValueError"),
    ],
)
def test_the_line_that_says_something(text: str, first: str, last: str) -> None:
    error = ValueError(text)
    assert (first_line(error), last_line(error)) == (first, last)
