"""The encoding: a configuration's features, the same columns for every task of a target kind."""
