"""Failures of the machine, its files or its configuration: the operator has to act."""

from lipsyncd.errors.base import LipsyncError


class HostError(LipsyncError):
    """The machine, its files or its configuration; the operator has to act."""


class StorageError(HostError):
    """The state could not be read or written for now; it is as it was, and may work again."""

    code = 74
    retryable = True


class DiskFull(StorageError):
    name = "disk.full"


class DiskFailed(StorageError):
    name = "disk.failed"


class StoreFailed(StorageError):
    name = "store.failed"


class HostExhausted(StorageError):
    name = "host.exhausted"
    code = 75


class CheckpointMissing(HostError):
    name = "checkpoint.missing"
    code = 66


class CheckpointInvalid(HostError):
    name = "checkpoint.invalid"
    code = 66


class ConfigInvalid(HostError):
    name = "config.invalid"
    code = 78


class UsageError(HostError):
    name = "usage"
    code = 64


class DeviceUnavailable(HostError):
    name = "device.unavailable"
    code = 69


class WarmUpFailed(HostError):
    name = "warmup.failed"
    code = 70


class DeviceLost(HostError):
    name = "gpu.lost"
    code = 74


class DeviceMemoryFull(HostError):
    name = "gpu.oom"
    code = 74
    retryable = True


class JobInterrupted(HostError):
    name = "job.interrupted"


class CrashLoop(HostError):
    name = "daemon.crashing"
    code = 71


class HostLost(HostError):
    name = "host.lost"
    code = 75
    retryable = True


class StateBusy(HostError):
    name = "state.busy"
    code = 75


class StateNewer(HostError):
    name = "state.newer"
    code = 78


class StateCorrupt(HostError):
    name = "state.corrupt"


class InternalError(HostError):
    name = "internal"


class ServerUnreachable(HostError):
    name = "server.unreachable"
    code = 7
