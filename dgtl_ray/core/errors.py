"""Errors that reach a user.

DgtlError
├── InputError          what the user gave cannot be used: network, target, budget, path, history
│   └── StorageError    a history's storage cannot be reached, read or written
├── MissingExtraError   an optional dependency is not installed
├── TrialError          why one trial of a user's function failed: in results; fail_fast raises it
├── DeviceError         no usable device, or a module for another kind of device
├── DeployError         a compiled module gives other answers than its reference
└── ExperimentError     an experiment of `dgtl bench` has no result

Inside the tuning loop failures are data (`Status`), never exceptions.
"""


class DgtlError(Exception):
    """Root of every error this package raises on purpose; its text says what to do."""


class InputError(DgtlError):
    """What the user gave cannot be used."""


class StorageError(InputError):
    """A history's storage cannot be reached, read or written, now at least."""


class MissingExtraError(DgtlError):
    """An optional dependency is missing."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra: pip install 'dgtl_ray[{extra}]'")
        self.extra = extra


class TrialError(DgtlError):
    """Why one trial of a user's function failed; a result holds it, `fail_fast` raises it."""


class DeviceError(DgtlError):
    """No usable device, or a module that was built for another kind of device."""


class DeployError(DgtlError):
    """A compiled module does not give its reference's answers."""


class ExperimentError(DgtlError):
    """An experiment of `dgtl bench` has no result: something that it compares failed."""


def first_line(error: BaseException) -> str:
    """The first line of an error that says something; its type's name where none does."""
    return next(iter(_lines(error)), type(error).__name__)


def last_line(error: BaseException) -> str:
    """The last line of an error that says something: of TVM's, which end with what matters."""
    return next(reversed(_lines(error)), type(error).__name__)


def _lines(error: BaseException) -> list[str]:
    return [line.strip() for line in str(error).splitlines() if line.strip()]
