"""The experiments behind the figures that we claim."""

from dgtl_ray.bench.tools.report import BenchReport, BenchTable, run_bench

__all__ = ["BenchReport", "BenchTable", "run_bench"]
