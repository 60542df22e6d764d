"""Whose exp, erf, tanh a CPU target stands for."""

# A CPU target with this among its keys gets the C library's functions, not our polynomials. As a
# part of the target it travels with it: to workers, into history, into a run's folder.
EXACT_MATH = "exact-math"
