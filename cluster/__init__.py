"""Cluster files for `ray up`, and the job that tunes on a cluster."""
