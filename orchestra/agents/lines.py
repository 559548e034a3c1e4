"""Several apps on one system: which of them answers a call is decided by what was dialled."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Any

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.agents.app_checks import check_text, check_text_by_language
from orchestra.errors import AppError
from orchestra.lines import ANY, NO_SHARES, AppId, Hours, LinePlan, LineRule, Shares, absolute_sound, line_name
from orchestra.spoken_languages import AUTO, check_code
from orchestra.version import package_version
from orchestra_schemas import CallStarted

NO_SPLITS: Mapping[str, Shares] = MappingProxyType({})
_APP = "write an App, or Line(app=…)"


@dataclass(frozen=True, kw_only=True)
class Line:
    """How one line is answered.

    Attributes:
        app: answers its calls.
        versions: several apps in place of one, each with its share of the calls (``{old: 90, new: 10}``); one with
            the share 0 waits for ``orchestra versions split``.
        by_caller: a caller always reaches the same version; otherwise each call is decided for itself.
        language: in which its calls begin, or ``"auto"``; in place of the app's, and among those that the app names.
            Of an agent that has its own language, the line does not change it.
        greeting: in place of the app's. What is said may be one text, or by language.
        hours: when it is open; without them always.
        closed: what happens outside the hours: a phrase is said and the call ends, a person's number or SIP address is
            rung, or another app answers; None: the platform's phrase. Calls that the system places have no hours.
        consent: said before the greeting, in place of ``ORCHESTRA_RECORDING_CONSENT``; empty: nothing.
        introduction: said to a robot that screens a call which is placed from this line, in place of the app's.
        hold_music: what a caller hears until the person of a transfer has the call, in place of
            ``ORCHESTRA_HOLD_MUSIC``: a WAV file of 16-bit PCM, ``"melody"``, or empty for the ringing tone.
        recording: whether the audio of its calls is kept.
        max_calls: how many of its calls one edge takes at a time; 0: as many as the edge takes.
        calls_per_minute: how many calls may begin on all edges in a minute; 0: any number.

    """

    app: App | None = None
    versions: Mapping[App, float] = field(default_factory=dict)
    by_caller: bool = False
    language: str = ""
    greeting: str | Mapping[str, str] | None = None
    hours: Hours | None = None
    closed: str | Mapping[str, str] | App | None = None
    consent: str | Mapping[str, str] | None = None
    introduction: str | Mapping[str, str] | None = None
    hold_music: str | None = None
    recording: bool = True
    max_calls: int = 0
    calls_per_minute: int = 0

    def __post_init__(self) -> None:
        """Report common mistakes where they are made.

        Raises:
            AppError: a part has the wrong type or value; the message says which, and how to write it.

        """
        if (self.app is None) == (not self.versions):
            msg = "Line: give app=…, or versions={…: 90, …: 10}"
            raise AppError(msg)
        _check_shares(self.shares)
        _check_language(self.language, self.shares)
        for name in ("greeting", "consent", "introduction"):
            if getattr(self, name) is not None:
                check_text_by_language(getattr(self, name), f"Line: {name}")
        if self.hold_music is not None:
            check_text(self.hold_music, "Line: hold_music")
        if not isinstance(self.hours, Hours | None):
            msg = 'Line: write hours=Hours("Europe/Berlin", {"mon-fri": "9:00-17:00"})'
            raise AppError(msg)
        if not isinstance(self.closed, App | None):
            check_text_by_language(self.closed, "Line: closed")
        for name in ("max_calls", "calls_per_minute"):
            limit = getattr(self, name)
            if type(limit) is not int or limit < 0:
                msg = f"Line: {name} is {limit!r}: write a whole number, 0 for no limit"
                raise AppError(msg)

    @property
    def shares(self) -> dict[App, float]:
        """Its apps, each with its share."""
        return dict(self.versions) if self.app is None else {self.app: 1.0}

    @property
    def apps(self) -> tuple[App, ...]:
        """Every app that may answer it."""
        return (*self.shares, *([self.closed] if isinstance(self.closed, App) else []))

    @property
    def rule(self) -> LineRule:
        """The same as plain data."""
        return LineRule(
            versions=tuple((app_id(app), float(share)) for app, share in self.shares.items()),
            by_caller=self.by_caller,
            language=self.language,
            greeting=self.greeting,
            hours=self.hours,
            closed=app_id(self.closed) if isinstance(self.closed, App) else self.closed,
            consent=self.consent,
            introduction=self.introduction,
            hold_music=None if self.hold_music is None else absolute_sound(self.hold_music),
            recording=self.recording,
            max_calls=self.max_calls,
            calls_per_minute=self.calls_per_minute,
        )


class Lines:
    """Apps by what was dialled; accepted wherever an app is.

    ::

        lines = Lines({"+15550100": bank.app, "sip:help": clinic.app, "web": clinic.app, "*": reception.app})

    Args:
        lines: an app or a `Line` by the number (E.164), SIP name or browser line that was dialled; for a call that the
            system places, by the number from which it is placed. ``*`` answers what no other names.
        unknown: without ``*``, said to who has dialled none of them, before the call ends; one text, or by language, of
            which that of the first app counts. None: the platform's phrase. Empty: they are refused as busy.

    Attributes:
        apps: every app, each once.
        plan: the lines as plain data; None if one app answers everything.

    Raises:
        AppError: the lines do not fit together; the message names them.

    """

    plan: LinePlan | None

    def __init__(self, lines: Mapping[str, App | Line], *, unknown: str | Mapping[str, str] | None = None) -> None:
        if unknown is not None:
            check_text_by_language(unknown, "Lines: unknown")
        if not isinstance(lines, Mapping) or not lines:
            msg = 'Lines: write Lines({"+15550100": app, "*": other})'
            raise AppError(msg)
        named: dict[str, tuple[str, Line]] = {}
        for written, answer in lines.items():
            name = _checked_name(written)
            if name in named:
                msg = f"Lines: {named[name][0]!r} and {written!r} are the same line, {name}: leave one out"
                raise AppError(msg)
            named[name] = written, _as_line(written, answer)
        self.apps = _distinct(line for _, line in named.values())
        self._by_id = {app_id(app): app for app in self.apps}
        self._lines, self._unknown = {name: line for name, (_, line) in named.items()}, unknown
        self._line_of = {app.name: name for name, (_, line) in reversed(named.items()) for app in line.shares}
        self.plan = LinePlan(rules={name: line.rule for name, (_, line) in named.items()}, unknown=unknown)

    @classmethod
    def of(cls, app: "App | Lines") -> "Lines":
        """The lines themselves, or one app for everything."""
        if isinstance(app, Lines):
            return app
        found = cls({ANY: app})
        found.plan = None
        return found

    @property
    def several(self) -> bool:
        """Whether there is more than one app."""
        return len(self.apps) > 1

    @property
    def version(self) -> str:
        """That of the app; of several, the package's version and a hash of all of theirs."""
        if not self.several:
            return self.default.version
        versions = sorted(f"{app.name} {app.version}" for app in self.apps)
        return f"{package_version()}+{hashlib.sha256(chr(10).join(versions).encode()).hexdigest()[:12]}"

    def with_apps(self, change: Callable[[App], App]) -> "Lines":
        """The same lines, each app of which was changed."""
        if self.plan is None:
            return Lines.of(change(self.default))
        changed = {app_id(app): change(app) for app in self.apps}
        lines: dict[str, App | Line] = {}
        for name, line in self._lines.items():
            shares = {changed[app_id(app)]: share for app, share in line.shares.items()}
            closed = changed[app_id(line.closed)] if isinstance(line.closed, App) else line.closed
            lines[name] = replace(line, app=None, versions=shares, closed=closed)
        return Lines(lines, unknown=self._unknown)

    @property
    def default(self) -> App:
        """The app of calls that name none: of ``*``, or the first."""
        rule = self.plan.rules.get(ANY) if self.plan is not None else None
        return self.apps[0] if rule is None else self._by_id[rule.versions[0][0]]

    def answering(self, call: CallStarted) -> App | None:
        """The app that answers this call; None if none does.

        A journal that names no app, or one that there is not any more, is answered by what was dialled.
        """
        if self.plan is None:
            return self.default
        known = None
        if call.app:
            known = self.find(call.app, call.version, line=call.line, call=call.call, caller=call.other_party)
        name = call.line or self.plan.find(call.own_number)
        if known is not None or name not in self.plan.rules:
            return known
        return self._by_id[self.plan.rules[name].version_for(name, call.call, call.other_party)]

    def find(
        self,
        name: str,
        version: str = "",
        *,
        line: str = "",
        call: str = "",
        caller: str = "",
        shares: Shares = NO_SHARES,
    ) -> App | None:
        """The app of this name, in this version if there still is one; None if there is no such app.

        Of several of that name the share of the line decides, so that a call keeps its own over a change of its code;
        see `LineRule.version_for`.
        """
        if self.plan is None or not name:
            return self.default
        if (name, version) in self._by_id:
            return self._by_id[name, version]
        named = [app for app in self.apps if app.name == name]
        rule = self.plan.rules.get(line)
        if len(named) > 1 and rule is not None:
            shared = self._by_id[rule.version_for(line, call, caller, shares)]
            return shared if shared.name == name else named[0]
        return named[0] if named else None

    def transfer_target(
        self, name: str, app: App, *, call: str = "", caller: str = "", splits: Mapping[str, Shares] = NO_SPLITS
    ) -> tuple[App, Agent] | None:
        """The other app that an app's callers are passed on to by this name, and the agent that speaks first there.

        The name is that of an app, or of an agent of one app. None if it is neither, or not plain. Of several versions
        the shares of a line decide, as for a call that begins there; ``splits`` has shares that are not those of the
        code, by line.
        """
        if any(other.name == name != app.name for other in self.apps):
            named, agent = name, ""
        else:
            having = {other.name for other in self.apps if name in other.team and other.name != app.name}
            if len(having) != 1:
                return None
            named, agent = having.pop(), name
        line = self._line_of.get(named, "")
        found = self.find(named, line=line, call=call, caller=caller, shares=splits.get(line, NO_SHARES))
        return None if found is None else (found, found.team[agent or found.entry])


def app_id(app: App) -> AppId:
    """The name and version of an app."""
    return app.name, app.version


def _check_language(language: Any, apps: Iterable[App]) -> None:
    if language == "":
        return
    check_code(language, "Line: language", auto=True)
    for app in apps:
        if app.languages and language not in (AUTO, *app.languages):
            known = ", ".join(app.languages)
            msg = (
                f"Line: language {language!r} is not among the languages of {app.name}, which are {known}: add it there"
            )
            raise AppError(msg)


def _check_shares(shares: Mapping[Any, Any]) -> None:
    if not any(shares.values()):
        msg = "Line: every share is 0: write a number above 0 for one"
        raise AppError(msg)
    for app, share in shares.items():
        if not isinstance(app, App):
            msg = f"Line: {type(app).__name__} is not an orchestra.App"
            raise AppError(msg)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < inf:
            msg = f"Line: the share of {app.name!r} is {share!r}: write a number, 0 or more"
            raise AppError(msg)


def _checked_name(written: Any) -> str:
    check_text(written, "Lines: the name of a line")
    try:
        return line_name(written)
    except ValueError as error:
        msg = f"Lines: {written!r} is not the name of a line: {error}"
        raise AppError(msg) from None


def _as_line(written: str, answer: Any) -> Line:
    if isinstance(answer, App):
        return Line(app=answer)
    if isinstance(answer, Line):
        return answer
    msg = f"Lines: {written!r} is answered by {type(answer).__name__}: {_APP}"
    raise AppError(msg)


def _distinct(lines: Iterable[Line]) -> tuple[App, ...]:
    """Every app once.

    Raises:
        AppError: two apps have the same name, and are not versions of one line.

    """
    found: dict[AppId, App] = {}
    together: set[frozenset[AppId]] = set()
    for line in lines:
        found |= {app_id(app): found.get(app_id(app), app) for app in line.apps}
        together.add(frozenset(app_id(app) for app in line.shares))
    for name in {name for name, _ in found}:
        same = frozenset(each for each in found if each[0] == name)
        if len(same) > 1 and not any(same <= versions for versions in together):
            msg = f"Lines: two different apps are named {name!r}: rename one, or share a line: Line(versions={{…}})"
            raise AppError(msg)
    return tuple(found.values())
