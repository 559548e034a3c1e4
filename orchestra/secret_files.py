"""Secrets in files: the variable ``NAME_FILE`` names a file, and what it holds is the value of ``NAME``.

So Docker, Kubernetes and systemd hand secrets over, which then stand in no environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from orchestra.errors import SettingError

FILE = "_FILE"
#: characters; a private key with its certificates takes a tenth
_LONGEST = 65_536


def read_variable(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The value of a variable, or what the file that ``NAME_FILE`` names holds, without its final newline.

    Returns None if neither is set; an empty ``NAME_FILE`` is not set, and neither is an empty variable beside a file.

    Raises:
        SettingError: both are set, or the file is empty, not text or cannot be read. The message names the variable
            only: what stands in it by mistake may be the secret.

    """
    file = environment.get(name + FILE, "")
    if not file:
        return environment.get(name)
    if environment.get(name):
        msg = f"{name} and {name}{FILE} are both set: unset one of them"
        raise SettingError(msg)
    try:
        with Path(file).open(encoding="utf-8", newline="") as opened:
            text = opened.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        # a ValueError is text that is no UTF-8, which it would quote, or a name that no file can have
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is not text (UTF-8)"
        msg = f"the file that {name}{FILE} names cannot be read: {reason}"
        raise SettingError(msg) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(text) > _LONGEST:
        problem = "is empty" if not text else f"is longer than {_LONGEST} characters"
        msg = f"the file that {name}{FILE} names {problem}: write the secret into it"
        raise SettingError(msg)
    return text
