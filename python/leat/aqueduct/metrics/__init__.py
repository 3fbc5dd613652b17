"""What a flow counts and how long it takes, and who is told."""

from leat.aqueduct.metrics.base import (AQUEDUCT, MAIN_PROCESS, IExtendable, IMetricsItems,
                                        MetricsItems, MetricsTypes)
from leat.aqueduct.metrics.collect import Collector
from leat.aqueduct.metrics.export import Exporter, ToStatsDMetricsExporter

__all__ = ["AQUEDUCT", "MAIN_PROCESS", "Collector", "Exporter", "IExtendable", "IMetricsItems",
           "MetricsItems", "MetricsTypes", "ToStatsDMetricsExporter"]
