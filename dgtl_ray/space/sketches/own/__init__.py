"""Algorithms of our own: programs written anew, beside TVM's rearranged ones."""
