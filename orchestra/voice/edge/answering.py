"""Which app answers a call of this edge, and what the edge itself says in it: by what was dialled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from orchestra.endpointing import Endpointing
from orchestra.history.ending import HangUp, Transfer
from orchestra.history.resume import ResumeState
from orchestra.language import DEFAULT_LANGUAGE
from orchestra.lines import AppId, LinePlan, LineRule
from orchestra.lines.dialled import is_target
from orchestra.pronunciations import Pronunciations
from orchestra.settings import Settings
from orchestra.voice.call.call import Script
from orchestra.voice.carriers.port import Parties
from orchestra.voice.engines.phrase import Phrase


class EdgeApp(Protocol):
    """What the edge needs of an `orchestra.App`: its name, and the phrases that the edge itself says."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def version(self) -> str:
        """The version in the edge's events: that of the package and that of the app."""

    @property
    def greeting(self) -> str:
        """The first words of a call."""

    @property
    def holding(self) -> str:
        """Said while the rest of the platform is away."""

    @property
    def apology(self) -> str:
        """Said when the caller's words were lost."""

    @property
    def still_there(self) -> str:
        """Said to a caller who has been silent for a while; empty: nothing."""

    @property
    def transfer_failed(self) -> str:
        """Said when no person took the call."""

    @property
    def three_way(self) -> bool:
        """Whether the person of a transfer joins the caller and the agents."""

    @property
    def transfer_target(self) -> str:
        """Where that person is: a number, or a SIP address; empty: there is none."""

    @property
    def voicemail(self) -> str:
        """Said to an answering machine; empty: nothing."""

    @property
    def introduction(self) -> str:
        """Said to a robot that screens a call; empty: the greeting."""

    @property
    def thinking_sound(self) -> str:
        """Heard while its agents are at work: a file's absolute name, or ``melody``; empty: nothing."""

    @property
    def speed(self) -> float:
        """How fast its agents speak, and the edge for them; 1.0 is the voice's own pace."""

    @property
    def pronunciations(self) -> Mapping[str, str]:
        """How words are said that a speech engine would read wrongly; see `Pronunciations`."""

    @property
    def endpointing_by_agent(self) -> Mapping[str, Endpointing]:
        """How patient each agent is with a caller who pauses; "" for the agent that answers first."""

    @property
    def fillers(self) -> Iterable[tuple[str, str, float]]:
        """Said while a tool is slow, each with the voice that says it, and how fast."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers calls by their line.

    Attributes:
        settings: the edge's.
        apps: every app that answers here.
        plan: the lines; None if one app answers everything.

    """

    settings: Settings
    apps: Sequence[EdgeApp]
    plan: LinePlan | None = None

    def line_of(self, parties: Parties) -> str:
        """The line of a call; "" if no line was dialled, or one app answers everything."""
        if self.plan is None:
            return ""
        return self.plan.find(parties.line or parties.own_number)

    def is_unknown(self, parties: Parties) -> bool:
        """Whether the caller has dialled what nobody answers."""
        return self.plan is not None and not self.line_of(parties)

    def begin(self, parties: Parties, at: float) -> Script:
        """The script of a call that begins at this moment, epoch seconds."""
        rule = self.rule(self.line_of(parties))
        if self.plan is None:
            return self._script(self.apps[0])
        if rule is None:
            # who is called by us need not hear that we have no such number
            phrase = "" if parties.direction == "outbound" else self.plan.unknown
            return _last_words(replace(self._script(self.apps[0]), app="", version=""), phrase)
        line = self.line_of(parties)
        chosen = self._script(self._find(rule.version_for(line, parties.other_party or parties.call)), line)
        if parties.direction == "outbound" or rule.is_open(at):
            return chosen
        if not isinstance(rule.closed, str):
            return self._script(self._find(rule.closed), line, greeting=False)
        if is_target(rule.closed):
            phrase = DEFAULT_LANGUAGE.phrases.transferring
            return replace(_last_words(chosen, phrase), ending=Transfer(rule.closed, "The line is closed."))
        return _last_words(chosen, rule.closed)

    def resume(self, state: ResumeState, parties: Parties) -> Script:
        """The script of a call that another edge began: of the app that has it."""
        if self.plan is None:
            return self._script(self.apps[0])
        if not (state.app or state.line or state.started_at):
            return self.begin(parties, state.started_at)
        script = self.of_app(state.app, state.version) or self._script(self.apps[0])
        return self._as_line_has_it(script, state.line)

    def of_app(self, name: str, version: str) -> Script | None:
        """The script of an app that takes a call over; None if there is no such app here."""
        found = {app.name: app for app in self.apps} | {app.name: app for app in self.apps if app.version == version}
        return self._script(found[name]) if name in found else None

    @property
    def phrases(self) -> list[Phrase]:
        """The phrases to be cached, each with its voice; none if the settings turn the cache off."""
        if not self.settings.prerender:
            return []
        scripts = [self._script(app) for app in self.apps]
        spoken = DEFAULT_LANGUAGE.to_speech
        of_lines = [
            spoken(text)
            for rule in (self.plan.rules.values() if self.plan is not None else ())
            for text in (rule.greeting, rule.consent, rule.introduction, rule.closed)
            if isinstance(text, str) and not is_target(text)
        ]
        unknown = [spoken(self.plan.unknown)] if self.plan is not None else []
        found = [
            Phrase(text, speed=script.speed, pronunciations=script.pronunciations)
            for script in scripts
            for text in (*script.phrases, *of_lines, *unknown)
        ]
        for app, script in zip(self.apps, scripts, strict=True):
            said = script.pronunciations
            found += [Phrase(text, voice, speed=speed, pronunciations=said) for text, voice, speed in app.fillers]
        return found

    @property
    def hold_music(self) -> set[str]:
        """What any line or app has its callers hear while they wait, as settings, lines and apps name it."""
        rules = self.plan.rules.values() if self.plan is not None else ()
        of_lines = (rule.hold_music for rule in rules if rule.hold_music is not None)
        return {self.settings.hold_music, *of_lines, *(app.thinking_sound for app in self.apps)}

    def hold_music_of(self, line: str) -> str:
        """What the callers of this line hear while they wait for a person; empty: a ringing tone."""
        rule = self.rule(line)
        return self.settings.hold_music if rule is None or rule.hold_music is None else rule.hold_music

    def rule(self, line: str) -> LineRule | None:
        """How this line is answered; None if there is no such line."""
        return None if self.plan is None else self.plan.rules.get(line)

    def _find(self, app: AppId) -> EdgeApp:
        return next(each for each in self.apps if (each.name, each.version) == app)

    def _script(self, app: EdgeApp, line: str = "", *, greeting: bool = True) -> Script:
        return self._as_line_has_it(app_script(self.settings, app), line, greeting=greeting)

    def _as_line_has_it(self, script: Script, line: str, *, greeting: bool = True) -> Script:
        """The script with what the line has of its own; ``greeting``: that, too."""
        rule = self.rule(line)
        if rule is None:
            return script
        spoken = DEFAULT_LANGUAGE.to_speech
        return replace(
            script,
            line=line,
            greeting=script.greeting if rule.greeting is None or not greeting else spoken(rule.greeting),
            consent=script.consent if rule.consent is None else spoken(rule.consent),
            introduction=script.introduction if rule.introduction is None else spoken(rule.introduction),
            recording=rule.recording,
        )


def app_script(settings: Settings, app: EdgeApp) -> Script:
    """What the edge says, and how long a call may last, by app and settings.

    Its phrases are in the words that are spoken, like the sentences of a model: an agent says some of them, too, and
    finds them cached.
    """
    spoken = DEFAULT_LANGUAGE.to_speech
    return Script(
        app=app.name,
        version=app.version,
        consent=spoken(settings.recording_consent),
        greeting=spoken(app.greeting),
        holding=spoken(app.holding),
        apology=spoken(app.apology),
        bridges=_bridges(app.holding),
        bridge_after_s=settings.bridge_after_s,
        still_there=spoken(app.still_there),
        transfer_failed=spoken(app.transfer_failed),
        joins=app.transfer_target if app.three_way else "",
        ring_s=settings.ring_s,
        handed_back=spoken(DEFAULT_LANGUAGE.phrases.handed_back),
        voicemail=spoken(app.voicemail),
        introduction=spoken(app.introduction),
        endpointing=app.endpointing_by_agent,
        thinking_sound=app.thinking_sound,
        speed=app.speed,
        pronunciations=Pronunciations(app.pronunciations),
        max_call_s=settings.max_call_s,
        caller_silence_s=settings.caller_silence_s,
    )


def _bridges(holding: str) -> tuple[str, ...]:
    """The phrases that begin a late reply; an app with a holding phrase of its own, or with none, has no others."""
    ours = DEFAULT_LANGUAGE.phrases
    return ours.bridges if holding == ours.holding else ()


def _last_words(script: Script, phrase: str) -> Script:
    """The script of a call that ends after this phrase. Where consent has to be asked for, nothing of it is kept."""
    return replace(
        script,
        greeting=DEFAULT_LANGUAGE.to_speech(phrase),
        consent="",
        recording=script.recording and not script.consent,
        ending=HangUp(),
    )
