"""What a Flow raises by itself. What a handler raises comes as it was raised."""


class AqueductError(Exception):
    """Any of these."""


class FlowError(AqueductError):
    """The flow cannot start or could not answer in time, or a worker was lost with the task."""


class MPStartMethodValueError(FlowError, ValueError):
    """mp_start_method is not this program's."""


class NotRunningError(FlowError):
    """The flow has not been started, or it has been stopped."""


class BadReferenceCount(AqueductError, ValueError):
    """Never raised here: shared memory is counted by the engine."""
