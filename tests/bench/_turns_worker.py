"""One process of the benchmark of turns: plays its share of the conversations, each on every side, one at a time.

``_turns_worker '{"groups": […], "sides": […], "quick": …, "share": [0, 2], …}'``; prints each outcome as JSON.
"""

import json
import logging
import random
import sys
import time
from typing import Any

from tests.bench import _turns_clock

if __name__ == "__main__":
    _turns_clock.install(
        own_time=json.loads(sys.argv[1])["own_time"]
    )  # before any other module keeps the machine's clock

from orchestra.log import configure_logging
from orchestra.settings import Settings
from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

redirect_pipecat_log()

from dataclasses import asdict, replace  # noqa: E402 - Pipecat greets with a banner when it is imported

from tests.bench._turns_cases import Conversation, conversations  # noqa: E402
from tests.bench._turns_line import Caller, converse  # noqa: E402
from tests.bench._turns_measure import Outcome, measure  # noqa: E402
from tests.bench._turns_nova import NovaServer  # noqa: E402
from tests.bench._turns_sides import Ours, Stock  # noqa: E402
from tests.bench._turns_speech import Library  # noqa: E402

#: the local engine has all of these groups, and, Whisper being dear, one of so many conversations of the others
_HEARD_BY_WHISPER = ("answers", "digits")
_LOCAL_EVERY, _STOCK_EVERY, _KNOWN_DIGITS_EVERY = 4, 3, 3


async def work(order: dict[str, Any]) -> None:
    """Play this process's share."""
    library = Library.open()
    every = conversations(library, order["groups"], quick=order["quick"])
    chosen = {"deepgram_api_key": "any", "twilio_auth_token": "any", "log_level": "error"}
    settings = Settings.model_validate(chosen)
    async with NovaServer() as nova:
        sides: dict[str, Any] = {"ours": Ours(library, nova, settings), "stock": Stock(library, nova)}
        await _play(every[0], "ours-nova", sides, library)  # everything is loaded and warm after it
        at, of = order["share"]
        jobs = [
            (side, each)
            for number, each in enumerate(every)
            for side in order["sides"]
            if number % of == at and _wanted(side, each, number // of)
        ]
        random.Random("order").shuffle(jobs)  # a run that is cut short has some of everything
        if order["case"]:
            jobs = [(side, only(every, order["case"])) for side in order["sides"]]
        for side, conversation in jobs:
            if time.process_time() > order["cpu_s"]:
                break
            caller, outcomes = await _play(conversation, side, sides, library)
            if order["case"]:
                show(side, caller)
            for outcome in outcomes:
                print(json.dumps(asdict(outcome) | {"bad": outcome.bad}), flush=True)


def _wanted(side: str, conversation: Conversation, number: int) -> bool:
    group = conversation.name.partition("-")[0]
    if side == "stock":
        return group != "digits" and number % _STOCK_EVERY == 0  # its recognizer would be the same server
    if side == "ours-nova":
        return group != "digits" or number % _KNOWN_DIGITS_EVERY == 0
    return group in _HEARD_BY_WHISPER or number % _LOCAL_EVERY == 0


async def _play(
    conversation: Conversation, side: str, sides: dict[str, Any], library: Library
) -> tuple[Caller, list[Outcome]]:
    name, _, engine = side.partition("-")
    caller = Caller(conversation)
    await converse(caller, lambda caller: sides[name].start(engine, caller))
    return caller, measure(side, caller, library)


def only(every: list[Conversation], case: str) -> Conversation:
    """The conversation of this name, or one with only the exchange of this name."""
    for conversation in every:
        if conversation.name == case:
            return conversation
        for exchange in conversation.exchanges:
            if exchange.name == case:
                return replace(conversation, exchanges=(exchange,))
    sys.exit(f"bench turns: no such case: {case}")


def show(side: str, caller: Caller) -> None:
    """Print what was said, heard and decided, in the order of time."""
    lines = [(each.at_s, f"{each.what} {each.text!r}") for each in caller.decisions]
    for played in caller.played:
        for said, moment in ((played.exchange.asks, played.asked_s), (played.exchange.said, played.said_s)):
            if said is None or moment is None:
                continue
            text = " ".join(word.text for word in said.words) or played.exchange.detail
            lines.append((moment + said.sound.start_s, f"CALLER {text!r}"))
            lines += [(moment + pause.start_s, f"CALLER pauses {pause.end_s - pause.start_s:.2f} s ({kind})")
                      for pause, kind in said.pauses]  # fmt: skip
            lines.append((moment + said.sound.end_s, "CALLER is silent"))
    from tests.bench._turns_measure import Tracks  # noqa: PLC0415

    for heard in Tracks(caller).stretches(0, 1e9):
        lines += [(heard.start_s, "AGENT speaks"), (heard.end_s, "AGENT is silent")]
    print(f"--- {side}: {caller.conversation.name}")
    for at_s, line in sorted(lines):
        print(f"{at_s:8.2f}  {line}")


if __name__ == "__main__":
    configure_logging(Settings(log_level="error"), "bench")
    logging.disable(logging.WARNING)
    _turns_clock.run(work(json.loads(sys.argv[1])))
