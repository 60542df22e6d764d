"""What kinds of targets there are."""

from collections.abc import Mapping

# A target's kind as this package names it, by TVM's name for what makes its code.
TARGET_KINDS: Mapping[str, str] = {"llvm": "cpu", "cuda": "cuda"}
