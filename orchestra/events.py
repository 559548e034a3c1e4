"""Every event of a call, for apps and consumers: ``from orchestra.events import UserTurnEnded``.

The contracts themselves are in the package ``orchestra_schemas``, which imports nothing of the platform.
"""

from orchestra_schemas import *  # noqa: F403 - the same names, listed once there
from orchestra_schemas import __all__

__all__ = [*__all__]  # noqa: PLE0604 - names all
