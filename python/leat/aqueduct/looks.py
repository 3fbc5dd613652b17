"""What has to be looked at: queues, processes, memory."""

import re

from leat.aqueduct.metrics.base import MAIN_PROCESS, MetricsItems, MetricsTypes
from leat.aqueduct.metrics.processes import ProcessesStats
from leat.aqueduct.metrics.task import transfer_name

SAMPLE = re.compile(r'^(leat_\w+)\{[^}]*\bstep="step(\d+)_[^}]*\} (\S+)$', re.MULTILINE)


def samples(text):
    """{metric: {number of a step: value}} of the engine's metrics."""
    found = {}
    for name, step, value in SAMPLE.findall(text):
        found.setdefault(name, {})[int(step)] = float(value)
    return found


def look(engine, steps, names, collector, restarts):
    """`names`: of the main process and the steps, as metrics call them. `restarts`: what was seen
    last time, by step; kept up to date."""
    found = samples(engine.metrics())
    if collector.is_collectible(MetricsTypes.QUEUE_SIZE):
        depth = found.get("leat_queue_depth", {})
        collector.add_queue_sizes(
            [(transfer_name(names[number - 1], names[number], 0), int(depth.get(number, 0)))
             for number in range(1, len(names))] + [(transfer_name(names[-1], MAIN_PROCESS, 0), 0)])
    collector.add_memory_usage(memory(found.get("leat_worker_memory_bytes", {}), steps))
    stats = ProcessesStats(running=int(sum(found.get("leat_workers", {}).values())))
    for number, count in found.get("leat_worker_restarts_total", {}).items():
        stats.dead += int(count) - restarts.get(number, 0)
        restarts[number] = int(count)
    collector.add_processes_stats(stats)


def memory(of_steps, steps):
    """Bytes. Aqueduct counts steps from 0 here, and from 1 elsewhere."""
    items = MetricsItems()
    for number, total in sorted(of_steps.items()):
        step = steps[number - 1]
        name = step.handler.get_step_name(number - 1)
        for _ in range(step.nprocs):
            items.add(name, int(total) // step.nprocs)
        if step.nprocs > 1:
            items.add(f"{name}_nprocs_sum", int(total))
    items.add("all_memory_usage", int(sum(of_steps.values())))
    return items
