"""Commands of `dgtl` in files of their own, and what commands share."""
