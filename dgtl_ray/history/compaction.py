"""Merges many small files of a history into few."""

from collections.abc import Iterator, Sequence

from dgtl_ray.core.errors import InputError
from dgtl_ray.history.files import add_file
from dgtl_ray.history.folder import Folder
from dgtl_ray.history.reader import FileReader
from dgtl_ray.history.schema import SCHEMA

_SMALL_BYTES = 4 << 20
_MERGED_BYTES = 64 << 20
_TRIES = 20


def compact(folder: Folder) -> int:
    """Merge the small files of a folder, beside readers and writers.

    The merged file is durable before the first small one is deleted: a row may be in two files for
    a while, which readers allow for, and never in none. Damaged files stay where they are, and
    those with columns of a later program, which would be lost.

    Returns:
        How many files were merged away.

    Raises:
        InputError: The folder cannot be written, or others merge it all the time.
    """
    reader = FileReader(folder)
    for _ in range(_TRIES):
        try:
            return sum(_merge(folder, reader, group) for group in _groups(folder.sizes_bytes()))
        except FileNotFoundError:
            continue  # somebody else merged it first
    raise InputError(f"the files of {folder.uri} are being merged by others: try later")


def _groups(sizes_bytes: dict[str, int]) -> Iterator[list[str]]:
    """Small files, in order, in groups of bounded size; one alone has nothing to merge with."""
    group: list[str] = []
    group_bytes = 0
    for name, size_bytes in sizes_bytes.items():
        if size_bytes >= _SMALL_BYTES:
            continue
        if group_bytes + size_bytes > _MERGED_BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(name)
        group_bytes += size_bytes
    yield group


def _merge(folder: Folder, reader: FileReader, names: Sequence[str]) -> int:
    later = reader.unknown_columns(names)
    known = [name for name in names if folder.path_of(name) not in later]
    reading = reader.read(known, SCHEMA.names, where=None)
    damaged = {file.path for file in reading.skipped}
    merged = [name for name in known if folder.path_of(name) not in damaged]
    if len(merged) < 2:
        return 0
    # In this order the rows of one task lie together, and a scan for them skips the rest.
    order = [("workload_key", "ascending"), ("created_at", "ascending")]
    add_file(folder, reading.table.sort_by(order))
    folder.discard(merged)
    return len(merged)
