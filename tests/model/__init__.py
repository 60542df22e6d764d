"""Tests of reading, lowering and splitting networks."""
