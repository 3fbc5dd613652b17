"""The logger of everything here, at standard error until somebody says otherwise."""

import logging
import sys

LOGGER_NAME = "aqueduct"

formatter = logging.Formatter("[%(asctime)s] %(levelname)s [Flow] [pid:%(process)d] %(message)s")
ch = logging.StreamHandler(sys.stderr)
ch.setFormatter(formatter)

log = logging.getLogger(LOGGER_NAME)
log.setLevel(logging.DEBUG)
log.addHandler(ch)


def replace_logger(logger):
    """`log` goes where `logger` goes from now on."""
    for name in ("name", "level", "parent", "propagate", "handlers", "disabled"):
        setattr(log, name, getattr(logger, name))
    log.manager._clear_cache()  # of what was enabled at the old level
