"""Takes one call, renews its queues, and says when the caller is heard again."""

import asyncio
import os
import sys
import traceback

from baresip import Account, AudioNotActive, AudioRestarted, Call, Config, Runtime, UserAgent

from orchestra.sip.stack_queues import StackQueues


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def run(port: int, rtp: int) -> None:
    runtime = Runtime()
    extra = f"sip_listen 127.0.0.1:{port}\nrtp_ports {rtp}-{rtp + 20}\n"
    await runtime.start(Config(net_interface="127.0.0.1", extra_config_text=extra))
    account = Account("a", f"127.0.0.1:{port}", "", reg_interval=0, extra_params=("catchall=yes",))
    agent = await UserAgent.create(runtime, account)
    calls: asyncio.Queue[Call] = asyncio.Queue()
    agent.on_incoming(calls.put_nowait)
    say("ready")
    call = await calls.get()
    await call.answer()
    await call.wait_established()
    call_id, queues = call.call_id or "", StackQueues()
    while queues.queued(call_id) is None:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.05)
    assert queues.queued("nobody's") is None
    assert not queues.renew("nobody's")
    assert await asyncio.to_thread(queues.renew, call_id)
    assert (queued := queues.queued(call_id)) is not None
    assert max(queued.to_telephone, queued.from_telephone or 0.0) <= 60
    say("renewed")
    while not _loud(call):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    say("heard")
    await asyncio.sleep(30)


def _loud(call: Call) -> bool:
    try:
        heard = memoryview(call.audio.read(3200)).cast("h")
    except (AudioNotActive, AudioRestarted):
        return False
    return bool(heard) and max(heard) > 1000


if __name__ == "__main__":
    try:
        asyncio.run(run(int(sys.argv[1]), int(sys.argv[2])))
    except BaseException:  # noqa: BLE001 - also what an assertion says
        traceback.print_exc()
        os._exit(1)  # the threads of the stack would keep the process, and the test waiting
