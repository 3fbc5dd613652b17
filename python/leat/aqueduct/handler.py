"""A step's work, as users write it."""

from typing import Callable

from leat.aqueduct.task import BaseTask

HandleConditionType = Callable[[BaseTask], bool]


class BaseTaskHandler:
    """Made in the main process, and sent to each process of the step, where on_start() and handle()
    run. What is large, or cannot be pickled, belongs into on_start()."""

    @classmethod
    def get_step_name(cls, step_number: int) -> str:
        """What metrics call it. `step_number`: from 1."""
        return f"step{step_number}_{cls.__name__}"

    def on_start(self):
        """Once in each process, before the flow counts as started."""

    def handle(self, *tasks: BaseTask):
        """Writes results into the tasks. An exception fails them; of several each is tried alone."""
        raise NotImplementedError
