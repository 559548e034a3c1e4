"""What differs between a recorded call and the same call to a candidate, turn by turn. Pure."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from statistics import median
from typing import Literal

import msgspec

from orchestra.counted import counted
from orchestra.history.views.turn_summaries import CallSummary, TurnSummary, canonical
from orchestra.intervals import Interval, share
from orchestra.language.word_error_rate import words

Difference = Literal["agent", "tools", "reply", "rules", "end", "failure"]
Kind = Literal["same", "recorded", "candidate"]


class ReplyPart(msgspec.Struct, frozen=True):
    """Some words of a reply: the same in both, only recorded, or only the candidate's."""

    kind: Kind
    text: str


class TurnSound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times measured from the audio of both sides, in ms; None if there was nothing to measure.

    Attributes:
        response_ms: end of the caller's speech → first sound of the reply.
        yielded_ms: a barge-in into the reply before: start of the caller's speech → that reply's last sound.
        talk_over_ms: how long the agent spoke while the caller was speaking.

    """

    response_ms: float | None = None
    yielded_ms: float | None = None
    talk_over_ms: float = 0.0


class TurnDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of the caller and both replies; their ``likeness`` is 1 for the same words, 0 for none in common."""

    number: int
    said: str
    recorded: TurnSummary
    candidate: TurnSummary
    differs: tuple[Difference, ...] = ()
    likeness: float = 1.0
    reply: tuple[ReplyPart, ...] = ()
    recorded_sound: TurnSound | None = None
    candidate_sound: TurnSound | None = None


class CallDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded call, and what the candidate made of it.

    Attributes:
        call: id of the recorded call.
        name: its id, and the file that it was read from.
        app: that had the call; empty if the recording does not say it.
        recorded_version: package and app of the recording; empty if it does not have them.
        recorded_model: the model of the recording.
        candidate_version: package and app of the candidate.
        candidate_model: its model.
        turns: the turns that were compared.
        recorded_turns: how many turns the recording has.
        ended: why the comparison ended before the recording: ``diverged``, or ``closed`` by the agents; empty if it
            did not.
        notes: what a reader has to know about the comparison.

    """

    call: str
    name: str = ""
    app: str = ""
    recorded_version: str = ""
    recorded_model: str = ""
    candidate_version: str = ""
    candidate_model: str = ""
    turns: tuple[TurnDiff, ...] = ()
    recorded_turns: int = 0
    ended: Literal["", "diverged", "closed"] = ""
    notes: tuple[str, ...] = ()

    @property
    def diverged(self) -> tuple[TurnDiff, ...]:
        """The turns that differ."""
        return tuple(turn for turn in self.turns if turn.differs)


class VersionGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one recorded version and model.

    ``recorded_first_ms`` and ``candidate_first_ms`` are medians over their turns: end of the caller's turn → first
    sentence of the reply; in a comparison of audio, end of the caller's speech → first sound of the reply.
    ``diverged_share`` is the share of turns that differ, with its confidence interval.
    """

    version: str
    model: str
    calls: int
    turns: int
    diverged_calls: int
    diverged_turns: int
    diverged_share: Interval | None = None
    likeness: float
    recorded_first_ms: float | None = None
    candidate_first_ms: float | None = None

    @property
    def diverged_in_words(self) -> str:
        """The turns that differ, with the interval of their share: ``12 (8–33 %)``."""
        found = self.diverged_share
        ends = "" if found is None else f" ({100 * (found.low or 0.0):.0f}–{100 * (found.high or 0.0):.0f} %)"
        return f"{self.diverged_turns}{ends}"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All calls of a comparison; ``failed``: why others could not be compared, by their names."""

    calls: tuple[CallDiff, ...] = ()
    failed: dict[str, str] = {}

    @property
    def turns(self) -> int:
        """How many turns were compared."""
        return sum(len(call.turns) for call in self.calls)

    @property
    def diverged(self) -> int:
        """How many of them differ."""
        return sum(len(call.diverged) for call in self.calls)

    @property
    def share(self) -> float:
        """Their share, 0 to 1."""
        return self.diverged / self.turns if self.turns else 0.0

    def groups(self) -> list[VersionGroup]:
        """By recorded version and model, in the order in which they first occur."""
        found: dict[tuple[str, str], list[CallDiff]] = {}
        for call in self.calls:
            found.setdefault((call.recorded_version, call.recorded_model), []).append(call)
        return [_group(version, model, calls) for (version, model), calls in found.items()]


def _group(version: str, model: str, calls: Sequence[CallDiff]) -> VersionGroup:
    turns = [turn for call in calls for turn in call.turns]
    diverged = sum(bool(turn.differs) for turn in turns)
    return VersionGroup(
        version=version,
        model=model,
        calls=len(calls),
        turns=len(turns),
        diverged_calls=sum(bool(call.diverged) for call in calls),
        diverged_turns=diverged,
        diverged_share=share(diverged, len(turns)),
        likeness=sum(turn.likeness for turn in turns) / len(turns) if turns else 1.0,
        recorded_first_ms=_median([_wait_ms(turn.recorded, turn.recorded_sound) for turn in turns]),
        candidate_first_ms=_median([_wait_ms(turn.candidate, turn.candidate_sound) for turn in turns]),
    )


def _wait_ms(turn: TurnSummary, sound: TurnSound | None) -> float | None:
    return turn.first_ms if sound is None else sound.response_ms


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def turn_diff(recorded: TurnSummary, candidate: TurnSummary, *, alike: float = 1.0) -> TurnDiff:
    """What differs in a turn; replies with at least the share ``alike`` of their words in common count as the same."""
    likeness = _likeness(recorded, candidate)
    return TurnDiff(
        number=recorded.number,
        said=recorded.transcript,
        recorded=recorded,
        candidate=candidate,
        differs=tuple(_differences(recorded, candidate, likeness >= alike)),
        likeness=likeness,
        reply=tuple(word_diff(recorded.reply, candidate.reply)),
    )


def _differences(recorded: TurnSummary, candidate: TurnSummary, same_words: bool) -> Iterator[Difference]:
    if recorded.cancelled == "superseded":
        return  # the caller went on speaking: nobody had to answer
    if recorded.agent and recorded.agent != candidate.agent:
        yield "agent"
    made = [[(step.name, canonical(step.arguments)) for step in turn.tools] for turn in (recorded, candidate)]
    if made[0] != (made[1][: len(made[0])] if recorded.cancelled else made[1]):
        yield "tools"
    if not same_words:
        yield "reply"
    if recorded.version and recorded.rules != candidate.rules:
        yield "rules"
    if recorded.closing != candidate.closing:
        yield "end"
    if recorded.failed != candidate.failed:
        yield "failure"


def _likeness(recorded: TurnSummary, candidate: TurnSummary) -> float:
    before, after = words(recorded.reply), words(candidate.reply)
    if recorded.cancelled:  # only the beginning of the reply was generated
        after = after[: len(before)]
    if before == after:
        return 1.0
    return round(SequenceMatcher(None, before, after, autojunk=False).ratio(), 3)


def word_diff(recorded: str, candidate: str) -> Iterator[ReplyPart]:
    """Both texts as one, word by word, regardless of case and punctuation."""
    before, after = recorded.split(), candidate.split()
    plain = [[" ".join(words(word)) or word for word in side] for side in (before, after)]
    for tag, start, end, from_, to in SequenceMatcher(None, plain[0], plain[1], autojunk=False).get_opcodes():
        if tag == "equal":
            yield ReplyPart("same", " ".join(after[from_:to]))
            continue
        if start < end:
            yield ReplyPart("recorded", " ".join(before[start:end]))
        if from_ < to:
            yield ReplyPart("candidate", " ".join(after[from_:to]))


def notes(recorded: CallSummary, agents: Sequence[str], tools: Sequence[str]) -> Iterator[str]:
    """What a reader of the comparison has to know about the recording, given the agents and tools of the candidate."""
    if not recorded.started:
        yield "the recording lacks the beginning of the call: its greeting and the caller's number are not known"
    if recorded.missing_turns:
        numbers = ", ".join(map(str, recorded.missing_turns))
        yield f"the recording has a gap: turn {numbers} is missing, and the rest is compared without it"
    if not recorded.end:
        yield f"the call is still running, or its end is not recorded: only {_turns(recorded)} can be compared"
    gone = list(dict.fromkeys(turn.agent for turn in recorded.turns if turn.agent and turn.agent not in agents))
    for agent in gone:
        numbers = ", ".join(str(turn.number) for turn in recorded.turns if turn.agent == agent)
        yield f"the app no longer has the agent {agent!r}, which answered turn {numbers}: it has {', '.join(agents)}"
    used = dict.fromkeys(step.name for turn in recorded.turns for step in turn.tools)
    for name in used:
        if name not in tools:
            yield f"the app no longer has the tool {name!r}"


def _turns(recorded: CallSummary) -> str:
    return counted(len(recorded.turns), "turn")
