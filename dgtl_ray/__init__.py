"""Finds the fastest compiler configuration of every layer of a network, and learns from it."""
