"""How long an application waits for its flows to start."""

import os
from typing import Optional

FLOW_START_TIMEOUT_NAME = "FLOW_START_TIMEOUT"
FLOW_START_TIMEOUT_DEFAULT = 300.0


def get_start_timeout() -> Optional[float]:
    """Seconds, from the environment; None for ever, which 0 and less mean."""
    try:
        timeout = float(os.environ.get(FLOW_START_TIMEOUT_NAME, FLOW_START_TIMEOUT_DEFAULT))
    except ValueError:
        timeout = FLOW_START_TIMEOUT_DEFAULT
    return timeout if timeout > 0 else None
