import os
import time

import leat


@leat.step(outputs={"output": "INT64"})
def wait(path: "BYTES"):
    """Ends when there is such a file."""
    while not os.path.exists(path):
        time.sleep(0.001)
    return 1
