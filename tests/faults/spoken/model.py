"""The model of these calls: every answer follows from the question."""

import random
from typing import Any

from tests.faults.spoken.tones import NONSENSE, PARDON, plain
from tests.servers.openai import Answer, Call, Reply


def question(one: str, other: str) -> str:
    """The words with which a caller asks for two things."""
    return f"ask for {one} {other} please"


def answer(one: str, other: str) -> str:
    """The answer that the caller should hear."""
    chance = random.Random(f"{one} {other}")
    sentences = [" ".join(_different(chance, chance.randint(3, 7))) for _ in range(chance.randint(2, 4))]
    return " ".join(f"{sentence.capitalize()}." for sentence in (*sentences, f"{one} {other} over"))


def respond(messages: list[dict[str, Any]], _: list[dict[str, Any]]) -> Reply:
    """Answer a complete question, every third one after a tool call; say pardon to anything else."""
    asked = next(message for message in reversed(messages) if message["role"] == "user")
    words = plain(str(asked["content"]))
    if len(words) != 5 or (words[:2], words[4:]) != (["ask", "for"], ["please"]):
        return PARDON
    one, other = words[2:4]
    if NONSENSE.index(one) % 3 == 0 and messages[-1]["role"] == "user":
        return Answer(calls=[Call("order", {"what": f"{one} {other}"})])
    return answer(one, other)


def _different(chance: random.Random, count: int) -> list[str]:
    return chance.sample(NONSENSE, count)
