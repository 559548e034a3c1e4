"""The sentences of one prompt on their way to the caller: plain, allowed by the rules, each published once."""

from typing import Any

import structlog

from orchestra.agents.app import App
from orchestra.agents.reply_chunk import reply_chunk
from orchestra.agents.rule import Sentence
from orchestra.agents.speaking_rate import SpeakingRate
from orchestra.bus import Context
from orchestra.call_variables import in_speech
from orchestra.errors import DivergedError
from orchestra.execution.call_variables import variables_of
from orchestra.execution.token_meter import TokenMeter
from orchestra.language import Language, find_language
from orchestra_schemas import PromptRequested, ReplyChunk

_LOG = structlog.get_logger("orchestra.execution")


class Reply:
    """Publishes sentences as `ReplyChunk`s.

    An attempt that takes over from a dead worker gets the same sentences from the start, and skips those that are
    already published.

    Attributes:
        language: the call's.
        first_token_ms: the model's time to its first token.
        rules: names of the rules that changed or stopped a sentence, in order of their first time.
        tokens: counts the tokens of the answer.

    """

    def __init__(self, app: App, prompt: PromptRequested, context: Context) -> None:
        self._app = app
        self._rules = [rule for rule in app.rules if rule.subject is Sentence]
        self._variables: dict[str, Any] | None = None  # read once a rule or phrase needs them
        self.language: Language = find_language(prompt.language, reads_out=app.reads_out)
        self._prompt = prompt
        self._context = context
        self._rate = SpeakingRate(app.speed_of(prompt.agent), prompt.messages)
        self._chunks: list[ReplyChunk] = []
        self._matched = 0
        self.first_token_ms = 0.0
        self.rules: dict[str, None] = {}
        self.tokens = TokenMeter()

    @property
    def text(self) -> str:
        """Everything published so far."""
        return " ".join(chunk.text for chunk in self._chunks)

    @property
    def sentence_count(self) -> int:
        """How many sentences of the current answer are published, by this attempt or an earlier one."""
        return self._matched

    async def load_published(self) -> None:
        """Load the chunks that earlier attempts have published."""
        self._chunks = [event for event in await self._context.resume() if isinstance(event, ReplyChunk)]

    def append_only(self) -> None:
        """From here on, add new sentences instead of matching published ones."""
        self._matched = len(self._chunks)

    async def say(self, sentence: str) -> None:
        """Publish a sentence of the model, unless an earlier attempt has published it.

        Raises:
            DivergedError: an earlier attempt published another sentence in its place; call `append_only` to add to it.

        """
        if self._prompt.silent:
            return
        plain = self.language.to_plain_text(sentence)
        plain = self._allowed(plain, await self._known()) if self._rules else plain
        text = self.language.verbalize(plain)
        if not text:
            return
        if self._matched < len(self._chunks):
            if self._chunks[self._matched].text != text:
                raise DivergedError
            self._matched += 1
            return
        await self._publish(text, self._rate.of(plain, text))

    async def apologize(self) -> None:
        """Tell the caller that something went wrong, if they wait for an answer."""
        if self._prompt.silent:
            return
        self.append_only()
        apology = self._app.said_in(self._prompt.language).apology
        apology = in_speech(apology, await self._known()) if "{" in apology else apology
        await self._publish(self.language.to_speech(apology))

    async def _publish(self, text: str, speed: float | None = None) -> None:
        chunk = reply_chunk(
            self._app,
            self._prompt,
            self._prompt.agent,
            text,
            self._prompt.language,
            index=len(self._chunks),
            speed=speed,
            first_token_ms=0.0 if self._chunks else self.first_token_ms,
        )
        self._chunks.append(chunk)
        self._matched = len(self._chunks)
        await self._context.publish(chunk)

    async def _known(self) -> dict[str, Any]:
        if self._variables is None:
            self._variables = await variables_of(self._context)
        return self._variables

    def _allowed(self, text: str, variables: dict[str, Any]) -> str:
        """The sentence after all rules; empty if it must not be said."""
        for rule in self._rules:
            if not text:
                return ""
            sentence = Sentence(
                text=text,
                agent=self._prompt.agent,
                call=self._prompt.call,
                turn=self._prompt.turn,
                language=self._prompt.language,
                variables=dict(variables),
                call_state=dict(self._prompt.call_state),
            )
            try:
                instead = rule(sentence)
            except Exception:  # noqa: BLE001 - a rule that fails must not let its sentence pass
                _LOG.exception("rule.failed", rule=rule.name, call=self._prompt.call, turn=self._prompt.turn)
                instead = ""
            if instead is not None:
                self.rules[rule.name] = None
                text = instead.strip()
        return text
