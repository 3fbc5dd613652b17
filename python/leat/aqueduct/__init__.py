"""The names of Avito's Aqueduct, on leat's workers:

    import leat.aqueduct as aqueduct

docs/aqueduct.md says what differs.
"""

from leat.aqueduct.flow import Flow, FlowStep
from leat.aqueduct.handler import BaseTaskHandler
from leat.aqueduct.logger import log
from leat.aqueduct.task import BaseTask

__all__ = ["BaseTask", "BaseTaskHandler", "Flow", "FlowStep", "log"]
