"""A saved module's directory.

    metadata.json   what it is (`ModuleMetadata`), with a SHA-256 of the other two files
    module.so       code alone: kernels and the program that calls them
    weights.bin     the weights, each in NumPy's .npy format, one after the other, in the order in
                    which the program takes them after its inputs

Weights stay out of the library, as linking hundreds of megabytes takes long and loading them would
copy them twice.
"""

import hashlib
from pathlib import Path

METADATA = "metadata.json"
LIBRARY = "module.so"
WEIGHTS = "weights.bin"
# Folders of a run: its module, what failed verification, and what was not verified yet.
MODULE = "module"
REJECTED = "rejected"
UNVERIFIED = "unverified"
FILES = (METADATA, LIBRARY, WEIGHTS)


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
