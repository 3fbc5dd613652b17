"""Which step has a task next. Steps are numbered from 1; their conditions are in that order."""

from leat.aqueduct.parcel import SLOTS

ALWAYS = None  # in the place of a condition that every task meets
SLOT_NAMES = [f"b{i}" for i in range(SLOTS)]  # inputs and outputs of every step, beside the task


def next_step(conditions, task, begin):
    """The first step from number `begin` on that wants the task; 0: none does."""
    for number in range(begin, len(conditions) + 1):
        condition = conditions[number - 1]
        if condition is ALWAYS or condition(task):
            return number
    return 0


def targets(conditions, number):
    """Outputs of step `number`, of which a task takes one: `to_N` for each step that may be next,
    and `out`. Those of number 0 are where a task may begin."""
    names = ["out"]
    for later in range(number + 1, len(conditions) + 1):
        names.append(f"to_{later}")
        if conditions[later - 1] is ALWAYS:
            break
    return names
