"""Which app answers a call of this edge, and what the edge itself says in it: by what was dialled."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from orchestra.app_phrases import EdgePhrases
from orchestra.call_variables import in_speech
from orchestra.endpointing import Endpointing
from orchestra.history.ending import HangUp, Transfer
from orchestra.history.resume import ResumeState
from orchestra.language import find_language
from orchestra.lines import ANY, NO_SHARES, AppId, LinePlan, LineRule, Shares, version_name
from orchestra.lines.dialled import is_target
from orchestra.pronunciations import Pronunciations
from orchestra.settings import Settings
from orchestra.spoken_languages import SpokenLanguages, in_language
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from orchestra.voice.engines.phrase import Phrase

NO_VARIABLES: Final[Mapping[str, Any]] = MappingProxyType({})


class EdgeApp(Protocol):
    """What the edge needs of an `orchestra.App`: its name, and the phrases that the edge itself says."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def version(self) -> str:
        """The version in the edge's events: that of the package and that of the app."""

    @property
    def speaks(self) -> SpokenLanguages:
        """In which language its calls begin, and into which they may change."""

    @property
    def asks_variables(self) -> bool:
        """Whether its workers are asked for the variables of a call that begins."""

    @property
    def records(self) -> bool:
        """Whether the audio of its calls is kept."""

    @property
    def asks_consent(self) -> bool | None:
        """Whether its callers are asked for their consent to the recording, rather than told; None: by the settings."""

    @property
    def three_way(self) -> bool:
        """Whether the person of a transfer joins the caller and the agents."""

    @property
    def transfer_target(self) -> str:
        """Where that person is: a number, or a SIP address; empty: there is none."""

    def said_in(self, language: str) -> EdgePhrases:
        """What the edge says for it in this language, as it is written."""

    @property
    def thinking_sound(self) -> str:
        """Heard while its agents are at work: a file's absolute name, or ``melody``; empty: nothing."""

    @property
    def speed(self) -> float:
        """How fast its agents speak, and the edge for them; 1.0 is the voice's own pace."""

    @property
    def reads_out(self) -> bool:
        """Whether figures are written as words before they are spoken."""

    @property
    def every_keyterm(self) -> Sequence[str]:
        """Names and products that the speech engine is told to expect, the most important first."""

    @property
    def pronunciations(self) -> Mapping[str, str | Mapping[str, str]]:
        """How words are said that a speech engine would read wrongly, or by language; see `Pronunciations`."""

    @property
    def endpointing_by_agent(self) -> Mapping[str, Endpointing]:
        """How patient each agent is with a caller who pauses; "" for the agent that answers first."""

    @property
    def fillers(self) -> Iterable[tuple[str, str, float, str]]:
        """Said while a tool is slow, each with the voice that says it, how fast, and the language."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers calls by their line.

    Attributes:
        settings: the edge's.
        apps: every app that answers here.
        plan: the lines; None if one app answers everything.
        splits: returns, by line, the shares of its versions that hold in place of those in the plan.

    """

    settings: Settings
    apps: Sequence[EdgeApp]
    plan: LinePlan | None = None
    splits: Callable[[], Mapping[str, Shares]] = dict

    @property
    def versions(self) -> dict[str, dict[str, float]]:
        """By line, the share of each of its versions in the app's code, by `version_name`.

        Of lines with one version, the first of each app stands for all.
        """
        if self.plan is None:
            return {ANY: {version_name((app.name, app.version)): 1.0 for app in self.apps}}
        found: dict[str, dict[str, float]] = {}
        for line, rule in self.plan.rules.items():
            shares = {version_name(app): share for app, share in rule.versions}
            if len(shares) > 1 or shares not in found.values():
                found[line] = shares
        return found

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
        rule, known = self.rule(self.line_of(parties)), parties.variables
        if self.plan is None:
            return self._script(self.apps[0], variables=known)
        if rule is None:
            # who is called by us need not hear that we have no such number
            script = self._script(self.apps[0])
            phrase = "" if parties.direction == "outbound" else self._unknown_in(script.language)
            return _last_words(replace(script, app="", version=""), phrase)
        line = self.line_of(parties)
        shares = self.splits().get(line, NO_SHARES)
        answers = self._find(rule.version_for(line, parties.call, parties.other_party, shares))
        chosen = self._script(answers, line, variables=known)
        if parties.direction == "outbound" or rule.is_open(at):
            return chosen
        if isinstance(rule.closed, tuple):
            return self._script(self._find(rule.closed), line, greeting=False, variables=known)
        ours = find_language(chosen.language).phrases
        closed = ours.closed if rule.closed is None else _given(rule.closed, chosen.language, ours.closed)
        if is_target(closed):
            ending = Transfer(closed, ours.line_is_closed, language=chosen.language)
            return replace(_last_words(chosen, ours.transferring), ending=ending)
        return _last_words(chosen, in_speech(closed, known))

    def resume(self, state: ResumeState, parties: Parties) -> Script:
        """The script of a call that another edge began: of the app that has it, in the language that it has now."""
        if self.plan is None:
            return self._script(self.apps[0], language=state.language, variables=state.variables)
        if not (state.app or state.line or state.started_at):
            return self.begin(parties, state.started_at)
        script = self.of_app(state.app, state.version, state.line, state.language)
        return (script or self._script(self.apps[0], state.line, language=state.language)).in_call(state.variables)

    def of_app(self, name: str, version: str, line: str, language: str) -> Script | None:
        """The script of an app that has a call, in this language; None if there is no such app here."""
        found = {app.name: app for app in self.apps} | {app.name: app for app in self.apps if app.version == version}
        return self._script(found[name], line, language=language) if name in found else None

    @property
    def phrases(self) -> list[Phrase]:
        """The phrases to be cached, each with its voice; none if the settings turn the cache off."""
        if not self.settings.prerender:
            return []
        found: list[Phrase] = []
        for app in self.apps:
            for line in ("", *(self.plan.rules if self.plan is not None else ())):
                for code in _codes(app, self.rule(line)):
                    found += self._phrases(app, line, code)
            found += [
                Phrase(text, voice, code, speed, Pronunciations.spoken_in(app.pronunciations, code))
                for text, voice, speed, code in app.fillers
            ]
        return found

    def _phrases(self, app: EdgeApp, line: str, code: str) -> Iterator[Phrase]:
        """What the edge may say for this app on this line in one language."""
        script, rule = self._script(app, line, language=code), self.rule(line)
        language = find_language(code, reads_out=app.reads_out)
        closed: list[str] = []
        if rule is not None and not isinstance(rule.closed, tuple) and rule.hours is not None:
            closed = [language.phrases.closed if rule.closed is None else _given(rule.closed, code, "")]
        of_lines = [language.to_speech(text) for text in (*closed, self._unknown_in(code)) if not is_target(text)]
        for text in (*script.phrases, *of_lines):
            yield Phrase(text, language=code, speed=script.speed, pronunciations=script.pronunciations)

    @property
    def hold_music(self) -> set[str]:
        """What any line has its callers hear while they wait, as settings and lines name it."""
        rules = self.plan.rules.values() if self.plan is not None else ()
        of_lines = (rule.hold_music for rule in rules if rule.hold_music is not None)
        return {self.settings.hold_music, *of_lines}

    @property
    def thinking_sounds(self) -> set[str]:
        """What the callers of any app hear while its agents are at work."""
        return {app.thinking_sound for app in self.apps} - {""}

    def hold_music_of(self, line: str) -> str:
        """What the callers of this line hear while they wait for a person; empty: a ringing tone."""
        rule = self.rule(line)
        return self.settings.hold_music if rule is None or rule.hold_music is None else rule.hold_music

    def rule(self, line: str) -> LineRule | None:
        """How this line is answered; None if there is no such line."""
        return None if self.plan is None else self.plan.rules.get(line)

    def _unknown_in(self, language: str) -> str:
        """What who has dialled nothing that is answered hears; empty: they are refused as busy."""
        if self.plan is None:
            return ""
        ours = find_language(language).phrases.unknown_line
        return ours if self.plan.unknown is None else _given(self.plan.unknown, language, ours)

    def _find(self, app: AppId) -> EdgeApp:
        return next(each for each in self.apps if (each.name, each.version) == app)

    def _script(
        self,
        app: EdgeApp,
        line: str = "",
        *,
        greeting: bool = True,
        language: str = "",
        variables: Mapping[str, Any] = NO_VARIABLES,
    ) -> Script:
        """The script of an app with what the line has of its own; ``greeting``: that, too.

        It is in ``language``, or, of a call that begins, in its first; ``variables`` stand in what is said.
        """
        rule = self.rule(line)
        speaks = app.speaks if rule is None else app.speaks.on_line(rule.language)
        script = app_script(self.settings, app, speaks, language or speaks.first, variables)
        script = replace(
            script,
            rewritten=lambda known: self._script(app, line, greeting=greeting, language=language, variables=known),
        )
        if rule is None:
            return script

        ours = find_language(script.language, reads_out=app.reads_out)

        def spoken(given: Mapping[str, str] | str | None, otherwise: str) -> str:
            chosen = None if given is None else in_language(given, script.language)
            return otherwise if chosen is None else ours.to_speech(in_speech(chosen, variables))

        return replace(
            script,
            line=line,
            greeting=spoken(rule.greeting if greeting else None, script.greeting),
            consent=spoken(rule.consent, script.consent),
            introduction=spoken(rule.introduction, script.introduction),
            recording=script.recording and rule.recording,
        )


def app_script(
    settings: Settings, app: EdgeApp, speaks: SpokenLanguages, code: str, variables: Mapping[str, Any] = NO_VARIABLES
) -> Script:
    """What the edge says, and how long a call may last, by app and settings; ``code`` is the language.

    Its phrases are in the words that are spoken, like the sentences of a model: an agent says some of them, too, and
    finds them cached.
    """
    language, said = find_language(code, reads_out=app.reads_out), app.said_in(code)
    ours = language.phrases

    def spoken(text: str) -> str:
        return language.to_speech(in_speech(text, variables))

    return Script(
        app=app.name,
        version=app.version,
        language=code,
        speaks=speaks,
        consent=spoken(_consent(settings.recording_consent, code) if said.consent is None else said.consent),
        asks_consent=settings.recording_consent_asked if app.asks_consent is None else app.asks_consent,
        not_recorded=spoken(ours.not_recorded),
        recording=settings.record and app.records,
        greeting=spoken(said.greeting),
        holding=spoken(said.holding),
        apology=spoken(said.apology),
        # an app with a holding phrase of its own, or with none, has no others
        bridges=ours.bridges if said.holding == ours.holding else (),
        bridge_after_s=settings.bridge_after_s,
        still_there=spoken(said.still_there),
        transfer_failed=spoken(said.transfer_failed),
        joins=app.transfer_target if app.three_way else "",
        ring_s=settings.ring_s,
        ask_s=settings.on_call_s if app.asks_variables else 0.0,
        handed_back=spoken(ours.handed_back),
        voicemail=spoken(said.voicemail),
        introduction=spoken(said.introduction),
        endpointing=app.endpointing_by_agent,
        thinking_sound=app.thinking_sound,
        speed=app.speed,
        reads_out=app.reads_out,
        pronunciations=Pronunciations.spoken_in(app.pronunciations, code),
        keyterms=tuple(app.every_keyterm),
        max_call_s=settings.max_call_s,
        caller_silence_s=settings.caller_silence_s,
    )


def _consent(given: Mapping[str, str] | str, code: str) -> str:
    """The text in this language; a language that has none hears the first, rather than nothing."""
    chosen = in_language(given, code)
    return next(iter(given.values()), "") if chosen is None and isinstance(given, Mapping) else chosen or ""


def _codes(app: EdgeApp, rule: LineRule | None) -> tuple[str, ...]:
    """The languages in which this app may speak on this line."""
    return (app.speaks if rule is None else app.speaks.on_line(rule.language)).all


def _given(phrase: Mapping[str, str] | str, code: str, otherwise: str) -> str:
    chosen = in_language(phrase, code)
    return otherwise if chosen is None else chosen


def _last_words(script: Script, phrase: str) -> Script:
    """The script of a call that ends after this phrase. Where consent has to be asked for, nothing of it is kept."""
    return replace(
        script.without_consent,
        greeting=find_language(script.language, reads_out=script.reads_out).to_speech(phrase),
        ask_s=0.0,
        ending=HangUp(),
    )
