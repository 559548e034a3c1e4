"""What differs between a recorded call and the call that was made of it, turn by turn. Pure."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from statistics import median
from typing import Literal

import msgspec

from orchestra.history.views.summary import CallSummary, TurnSummary, canonical
from orchestra.language.word_error_rate import words

Difference = Literal["agent", "tools", "reply", "rules", "end", "failure"]
Kind = Literal["same", "was", "now"]


class ReplyPart(msgspec.Struct, frozen=True):
    """Some words of a reply: in both, only as it was, or only as it is now."""

    kind: Kind
    text: str


class TurnSound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a turn sounded, measured from the audio of both sides, in ms; None where there was nothing to measure.

    Attributes:
        response_ms: end of the caller's speech → first sound of the reply.
        yielded_ms: the caller spoke over the reply before: start of their speech → its last sound.
        talk_over_ms: how long the agent, unasked, spoke while the caller did.

    """

    response_ms: float | None = None
    yielded_ms: float | None = None
    talk_over_ms: float = 0.0


class TurnDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of the caller's and both replies; ``likeness`` of them is 1 for the same words, 0 for none in common."""

    number: int
    said: str
    was: TurnSummary
    now: TurnSummary
    differs: tuple[Difference, ...] = ()
    likeness: float = 1.0
    reply: tuple[ReplyPart, ...] = ()
    was_sound: TurnSound | None = None
    now_sound: TurnSound | None = None


class CallDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded call and what came of it now.

    Attributes:
        call: id of the recorded call.
        name: what it is called here: its id, and the file that it was read from.
        was_version: package and app of the recording; empty where it does not tell.
        was_model: the model of the recording.
        now_version: package and app of the comparison.
        now_model: its model.
        turns: the turns that were compared.
        recorded: how many turns the recording has.
        ended: why the comparison ended before the recording: ``diverged``, or ``closed`` by the agents; empty: it
            did not.
        notes: what a reader has to know of it.

    """

    call: str
    name: str = ""
    was_version: str = ""
    was_model: str = ""
    now_version: str = ""
    now_model: str = ""
    turns: tuple[TurnDiff, ...] = ()
    recorded: int = 0
    ended: Literal["", "diverged", "closed"] = ""
    notes: tuple[str, ...] = ()

    @property
    def diverged(self) -> tuple[TurnDiff, ...]:
        """The turns that differ."""
        return tuple(turn for turn in self.turns if turn.differs)


class VersionGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one recorded version and model.

    ``was_first_ms`` and ``now_first_ms`` are medians over their turns: end of the caller's turn → first sentence of the
    reply; where calls were made again by their sound, end of the caller's speech → first sound of the reply.
    """

    version: str
    model: str
    calls: int
    turns: int
    diverged_calls: int
    diverged_turns: int
    likeness: float
    was_first_ms: float | None = None
    now_first_ms: float | None = None


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
        """By recorded version and model, as they first come."""
        found: dict[tuple[str, str], list[CallDiff]] = {}
        for call in self.calls:
            found.setdefault((call.was_version, call.was_model), []).append(call)
        return [_group(version, model, calls) for (version, model), calls in found.items()]


def _group(version: str, model: str, calls: Sequence[CallDiff]) -> VersionGroup:
    turns = [turn for call in calls for turn in call.turns]
    return VersionGroup(
        version=version,
        model=model,
        calls=len(calls),
        turns=len(turns),
        diverged_calls=sum(bool(call.diverged) for call in calls),
        diverged_turns=sum(bool(turn.differs) for turn in turns),
        likeness=sum(turn.likeness for turn in turns) / len(turns) if turns else 1.0,
        was_first_ms=_median([_wait_ms(turn.was, turn.was_sound) for turn in turns]),
        now_first_ms=_median([_wait_ms(turn.now, turn.now_sound) for turn in turns]),
    )


def _wait_ms(told: TurnSummary, sound: TurnSound | None) -> float | None:
    return told.first_ms if sound is None else sound.response_ms


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def turn_diff(was: TurnSummary, now: TurnSummary, *, alike: float = 1.0) -> TurnDiff:
    """What differs in a turn; replies that share at least ``alike`` of their words count as the same."""
    likeness = _likeness(was, now)
    return TurnDiff(
        number=was.number,
        said=was.transcript,
        was=was,
        now=now,
        differs=tuple(_differences(was, now, likeness >= alike)),
        likeness=likeness,
        reply=tuple(word_diff(was.reply, now.reply)),
    )


def _differences(was: TurnSummary, now: TurnSummary, same_words: bool) -> Iterator[Difference]:
    if was.cancelled == "superseded":
        return  # the caller spoke on: nobody was to answer
    if was.agent and was.agent != now.agent:
        yield "agent"
    made = [[(step.name, canonical(step.arguments)) for step in turn.tools] for turn in (was, now)]
    if made[0] != (made[1][: len(made[0])] if was.cancelled else made[1]):
        yield "tools"
    if not same_words:
        yield "reply"
    if was.version and was.rules != now.rules:
        yield "rules"
    if was.closing != now.closing:
        yield "end"
    if was.failed != now.failed:
        yield "failure"


def _likeness(was: TurnSummary, now: TurnSummary) -> float:
    before, after = words(was.reply), words(now.reply)
    if was.cancelled:  # it was cut off while it was made: its beginning counts
        after = after[: len(before)]
    if before == after:
        return 1.0
    return round(SequenceMatcher(None, before, after, autojunk=False).ratio(), 3)


def word_diff(was: str, now: str) -> Iterator[ReplyPart]:
    """Both texts as one, word by word; case and punctuation alone make no difference."""
    before, after = was.split(), now.split()
    plain = [[" ".join(words(word)) or word for word in side] for side in (before, after)]
    for tag, start, end, from_, to in SequenceMatcher(None, plain[0], plain[1], autojunk=False).get_opcodes():
        if tag == "equal":
            yield ReplyPart("same", " ".join(after[from_:to]))
            continue
        if start < end:
            yield ReplyPart("was", " ".join(before[start:end]))
        if from_ < to:
            yield ReplyPart("now", " ".join(after[from_:to]))


def notes(was: CallSummary, agents: Sequence[str], tools: Sequence[str]) -> Iterator[str]:
    """What a reader of the comparison has to know of the recording, given what the compared app has."""
    if not was.started:
        yield "the recording lacks the beginning of the call: its greeting and the caller's number are not known"
    if was.missing_turns:
        numbers = ", ".join(map(str, was.missing_turns))
        yield f"the recording has a hole: turn {numbers} is missing, and the rest goes on without it"
    if not was.end:
        yield f"the call is still running, or its end is not recorded: this is what is there so far ({_turns(was)})"
    gone = list(dict.fromkeys(turn.agent for turn in was.turns if turn.agent and turn.agent not in agents))
    for agent in gone:
        numbers = ", ".join(str(turn.number) for turn in was.turns if turn.agent == agent)
        yield f"the app has no agent {agent!r} any more, which answered turn {numbers}: it has {', '.join(agents)}"
    used = dict.fromkeys(step.name for turn in was.turns for step in turn.tools)
    for name in used:
        if name not in tools:
            yield f"the app has no tool {name!r} any more"


def _turns(was: CallSummary) -> str:
    return f"{len(was.turns)} turn{'s' * (len(was.turns) != 1)}"
