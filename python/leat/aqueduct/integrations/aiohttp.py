"""Flows that start and stop with an aiohttp application:

    app = web.Application()
    AppIntegrator(app).add_flow(flow)      # request.app[FLOW_NAME] in a view
"""

import asyncio
import logging
import os
import signal
from typing import Optional

from aiohttp import web

from leat.aqueduct.flow import Flow
from leat.aqueduct.integrations.utils import (FLOW_START_TIMEOUT_DEFAULT, FLOW_START_TIMEOUT_NAME,
                                              get_start_timeout)
from leat.aqueduct.logger import log, replace_logger

__all__ = ["AQUEDUCT_FLOW_NAMES", "FLOWS_OBSERVER", "FLOW_NAME", "FLOW_START_TIMEOUT_DEFAULT",
           "FLOW_START_TIMEOUT_NAME", "AppIntegrator", "get_start_timeout", "observe_flows"]

AQUEDUCT_FLOW_NAMES = "aqueduct_flow_names"
FLOW_NAME = "flow"
FLOWS_OBSERVER = "aqueduct_flows_observer"


async def observe_flows(app: web.Application, check_interval: float = 1.0):
    """Ends this process with SIGTERM as soon as a flow of the application does not run."""
    while all(app[name].is_running for name in app[AQUEDUCT_FLOW_NAMES]):
        await asyncio.sleep(check_interval)
    stopped = [name for name in app[AQUEDUCT_FLOW_NAMES] if not app[name].is_running]
    log.error("Flows do not run any more, and the application is ended: %s", ", ".join(stopped))
    os.kill(os.getpid(), signal.SIGTERM)


async def run_flows_observer(app: web.Application):
    app[FLOWS_OBSERVER] = asyncio.create_task(observe_flows(app))


async def stop_flows_observer(app: web.Application):
    app[FLOWS_OBSERVER].cancel()


async def stop_flows(app: web.Application):
    await asyncio.gather(*(app[name].stop() for name in app[AQUEDUCT_FLOW_NAMES]))


class AppIntegrator:
    """One for an application. `exit_on_fail`: the process ends with SIGTERM when a flow does not
    run. `logger`: takes the place of aqueduct's."""

    def __init__(self, app: web.Application, exit_on_fail: bool = True,
                 logger: Optional[logging.Logger] = None):
        if AQUEDUCT_FLOW_NAMES in app:
            raise RuntimeError("the application has an AppIntegrator; add flows to that one")
        self._app = app
        app[AQUEDUCT_FLOW_NAMES] = []
        if exit_on_fail:
            app.on_startup.append(run_flows_observer)
            app.on_shutdown.append(stop_flows_observer)
        app.on_shutdown.append(stop_flows)
        if logger is not None:
            replace_logger(logger)

    def add_flow(self, flow: Flow, flow_name: str = FLOW_NAME, with_start: bool = True):
        """`with_start`: starts it now, within FLOW_START_TIMEOUT seconds."""
        if flow_name in self._app:
            raise RuntimeError(f"the application has something called {flow_name!r} already")
        if with_start:
            flow.start(timeout=get_start_timeout())
        self._app[AQUEDUCT_FLOW_NAMES].append(flow_name)
        self._app[flow_name] = flow
