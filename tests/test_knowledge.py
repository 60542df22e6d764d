from dgtl_ray.engine.layer import Transfer
from dgtl_ray.knowledge import transfer_notes
from dgtl_ray.transfer.relatedness import Relatedness

_SOURCES = (Relatedness(name="conv", correlation=-0.3, measured=16),)


def test_notes_tell_where_history_had_no_say_and_what_was_done_without() -> None:
    transfers = (
        Transfer(sources=_SOURCES, heard=False),
        Transfer(
            sources=_SOURCES, heard=True, fallbacks=("a model is left out", "a model is left out")
        ),
        Transfer(heard=False),
    )
    doubt, fallback = transfer_notes(("first", "second", "third"), transfers)
    assert doubt.endswith("in first")
    assert fallback == "second: a model is left out"


def test_where_nothing_is_to_be_told_there_is_no_note() -> None:
    assert transfer_notes(("only",), (Transfer(sources=_SOURCES),)) == ()
