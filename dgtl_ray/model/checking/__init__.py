"""Whether an imported network gives its framework's own answers, and if not, what is to blame."""
