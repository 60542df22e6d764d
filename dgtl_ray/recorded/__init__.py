"""Recorded tasks: measured elsewhere, before; searches replay them instead of hardware."""
