"""Chooses the agent before any model is asked: routing by a model would cost the caller the time of a first token."""

from orchestra.agents.agent import Agent
from orchestra.agents.app import App
from orchestra.language import Language, find_language
from orchestra.language.bm25 import Index

#: about one and a half specific words
_ENOUGH = 2.0
_CLEARLY = 1.3
#: the score of an example that the caller said word for word, and the fewest words that it must have
_EXAMPLE = 2.0
_SHORTEST_EXAMPLE = 3


class Router:
    """Moves a call to the agent whose subject the caller mentions, in one language; in doubt it stays.

    An agent's subject is given by its ``about`` and ``examples``, and by those of its own tools. Handoffs by the model
    correct the router, so missing a move is better than making a wrong one.
    """

    def __init__(self, app: App, language: Language | None = None) -> None:
        language = self._language = language or find_language(app.speaks.first)
        phrases = {agent.name: _phrases(agent, language.code) for agent in app.agents}
        self._index = Index(phrases, language)
        self._examples = {
            name: [self._stems(phrase) for phrase in said if len(language.words(phrase)) >= _SHORTEST_EXAMPLE]
            for name, said in phrases.items()
        }
        self._whole: dict[str, list[str]] = {}
        for agent in app.agents:
            for example in filter(None, map(language.strip_pleasantries, _examples(agent, language.code))):
                self._whole.setdefault(example, []).append(agent.name)

    def route(self, text: str, current: str) -> str:
        """Name of the agent for these words of the caller, who speaks with ``current`` now; an example always wins."""
        named = self._whole.get(self._language.strip_pleasantries(text))
        if named:
            return current if current in named else named[0]
        scores = self.scores(text)
        best = max(scores, key=lambda name: (scores[name], name == current))
        if scores[best] >= _ENOUGH and scores[best] > scores.get(current, 0.0) * _CLEARLY:
            return best
        return current

    def scores(self, text: str) -> dict[str, float]:
        """How relevant each agent is to these words, from 0."""
        said = self._stems(text)
        return {
            name: score + _EXAMPLE * any(example in said for example in self._examples[name])
            for name, score in self._index.scores(text).items()
        }

    def _stems(self, phrase: str) -> str:
        """The stems of all words, with a space around each."""
        return f" {' '.join(self._language.stem(word) for word in self._language.words(phrase))} "


def _phrases(agent: Agent, language: str) -> tuple[str, ...]:
    return (agent.about_in(language), *(tool.description for tool in agent.tools), *_examples(agent, language))


def _examples(agent: Agent, language: str) -> tuple[str, ...]:
    """What callers say when they need the agent, or one of its tools."""
    return (*agent.examples_in(language), *(each for tool in agent.tools for each in tool.examples_in(language)))
