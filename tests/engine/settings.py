"""The sandbox's settings, with a queue of its own for each run: others may use the same database or Redis."""

import os

from sandbox.settings import *  # noqa: F403
from sandbox.settings import Q_CLUSTER

Q_CLUSTER = {**Q_CLUSTER, "name": os.environ.get("ENGINE_QUEUE", "engine")}
