"""Who may use the console: the tokens, with the name and role of each."""

import hashlib
import hmac
import re
from pathlib import Path

import structlog

from orchestra.console.address import OWNER, owner_token
from orchestra.console.roles import Operator, Role
from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.storage.secrets import kept_key

_LOG = structlog.get_logger("orchestra.console")

_ROLES = {role.word: role for role in Role}
_NAME = re.compile(r"[^\W_][\w .@+-]{0,63}")
_SHORTEST_TOKEN = 32
_FILE_IS_ABOUT = "each line of ORCHESTRA_CONSOLE_TOKENS is name:role:token, with one of the roles read, operate, admin"
#: the operator of the API token
_API = "api"

_Version = tuple[int, int, int]


class Operators:
    """The operators by their tokens. A file of tokens is read again whenever it changes, so that one can be taken back.

    Tokens are kept only as digests under a key of this data directory.

    Raises:
        SettingError: the file of tokens cannot be read, or has a line that is none.

    """

    def __init__(self, settings: Settings) -> None:
        self._file = settings.console_tokens
        self._key = kept_key(settings.data_dir, "console")
        self._fixed: dict[str, Operator] = {}
        if api_token := settings.api_token.get_secret_value():
            self._fixed[self.digest(api_token)] = Operator(_API, Role.READ)
        if self._file is None:
            self._fixed[self.digest(owner_token(settings))] = Operator(OWNER, Role.ADMIN)
        self._version: _Version | None = None
        self._by_digest = dict(self._fixed)
        if self._file is not None:
            self._version = _version(self._file)
            found, problems = self._read(self._file)
            if problems:
                raise SettingError(problems[0])
            self._by_digest |= found

    @property
    def count(self) -> int:
        """How many tokens admit somebody."""
        return len(self._by_digest)

    def digest(self, token: str) -> str:
        """By which a token is recognized, and from which it cannot be told."""
        return hmac.digest(self._key, token.encode(), hashlib.sha256).hex()

    def of_digest(self, digest: str) -> Operator | None:
        """Whose token this is, now; None if it is nobody's, or was taken back."""
        self._refresh()
        return self._by_digest.get(digest)

    def _refresh(self) -> None:
        if self._file is None or (version := _version(self._file)) == self._version:
            return
        self._version = version
        found, problems = self._read(self._file)
        for problem in problems:  # a wrong line admits nobody, and keeps nobody out
            _LOG.error("console.tokens_wrong", problem=problem)
        self._by_digest = self._fixed | found
        _LOG.info("console.tokens_read", operators=sorted(each.name for each in self._by_digest.values()))

    def _read(self, file: Path) -> tuple[dict[str, Operator], list[str]]:
        """The operators of the file, and what is wrong with it; no text has a token."""
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            return {}, [f"the file of tokens {file} cannot be read ({reason}): {_FILE_IS_ABOUT}"]
        found: dict[str, Operator] = {}
        problems: list[str] = []
        names = {operator.name for operator in self._fixed.values()}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            name, role, token = (*(part.strip() for part in line.split(":", 2)), "", "")[:3]
            problem = _problem(name, role, token, names)
            if problem:
                problems.append(f"line {number} of {file} {problem}: {_FILE_IS_ABOUT}")
                continue
            digest = self.digest(token)
            if digest in found or digest in self._fixed:
                problems.append(f"line {number} of {file} has the token of another operator: {_FILE_IS_ABOUT}")
                continue
            names.add(name)
            found[digest] = Operator(name, _ROLES[role])
        return found, problems


def _problem(name: str, role: str, token: str, taken: set[str]) -> str:
    if not _NAME.fullmatch(name):
        return "has no name of up to 64 letters, digits, spaces and .@+-_"
    if name in taken:
        return f"has the name {name!r}, which another token has"
    if role not in _ROLES:
        return "has no such role"
    if len(token) < _SHORTEST_TOKEN or not token.isprintable() or " " in token:
        return f"has a token that can be guessed or not be sent: use at least {_SHORTEST_TOKEN} random characters"
    return ""


def _version(file: Path) -> _Version | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
