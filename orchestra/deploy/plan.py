"""What a deployment is to be: the options of `orchestra deploy`, checked."""

import re
from dataclasses import dataclass

from orchestra.deploy.roles import CARRIER_SECRETS, EDGE_PORT, REDIS_SECRETS, check_secrets
from orchestra.errors import SettingError
from orchestra.version import package_version

#: more than a process needs to end its work in order, in seconds
GRACE_S = 30
#: more than proxies need to notice that an edge takes no more calls, in seconds
_NOTICED_WITHIN_S = 10
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.ASCII)
_APP = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_IMAGE = re.compile(
    r"(?=.{1,255}$)[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_LONGEST_DOMAIN = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment.

    Attributes:
        edges: how many there are at least.
        domain: where carriers and browsers reach them; empty: a variable of the engine's.
        app: module:attribute in the image; empty: that of the settings.
        carrier: whose calls are taken.
        image: with Orchestra and the app in it; empty: one that is built here.
        secrets: the settings that are in files, besides those that every deployment has.
        drain_s: how long calls go on when their edge is stopped.

    Raises:
        SettingError: one of them cannot be.

    """

    edges: int = 2
    domain: str = ""
    app: str = ""
    carrier: str = "twilio"
    image: str = ""
    secrets: tuple[str, ...] = ()
    drain_s: int = 120

    def __post_init__(self) -> None:
        """Check everything that is written into a file."""
        if self.domain and not (_DOMAIN.fullmatch(self.domain) and len(self.domain) <= _LONGEST_DOMAIN):
            msg = f"--domain is {self.domain!r}: write the name of a host and nothing else, voice.example.com"
            raise SettingError(msg)
        if self.app and not _APP.fullmatch(self.app):
            msg = f"--app is {self.app!r}: write module:attribute"
            raise SettingError(msg)
        if self.carrier not in CARRIER_SECRETS:
            msg = f"--carrier is {self.carrier!r}: write one of {', '.join(CARRIER_SECRETS)}"
            raise SettingError(msg)
        if self.image and not _IMAGE.fullmatch(self.image):
            msg = f"--image is {self.image!r}: write the name of an image, registry.example.com/team/orchestra:7"
            raise SettingError(msg)
        check_secrets(self.secrets)

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """The settings that are in files, each once."""
        return tuple(dict.fromkeys((*REDIS_SECRETS, *CARRIER_SECRETS[self.carrier], *self.secrets)))

    @property
    def image_name(self) -> str:
        """The image that everything of ours runs in."""
        return self.image or f"orchestra:{package_version()}"

    @property
    def edge_environment(self) -> dict[str, str]:
        """The settings of edges, beyond those."""
        return {
            "ORCHESTRA_HOST": "0.0.0.0",  # noqa: S104 - of its container
            "ORCHESTRA_PORT": str(EDGE_PORT),
            "ORCHESTRA_STOP_NOTICE_S": str(_NOTICED_WITHIN_S),
            "ORCHESTRA_DRAIN_S": str(self.drain_s),
        }

    @property
    def edge_grace_s(self) -> int:
        """After which an edge that was told to stop is killed."""
        return _NOTICED_WITHIN_S + self.drain_s + GRACE_S

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every process."""
        chosen = {} if self.carrier == "twilio" else {"ORCHESTRA_CARRIER": self.carrier}
        return {
            "ORCHESTRA_DATA_DIR": "/data",
            "ORCHESTRA_LOG_FORMAT": "json",
            **({"ORCHESTRA_APP": self.app} if self.app else {}),
            **chosen,
        }
