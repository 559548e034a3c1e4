"""The tools of Swift Parcel's agents, in the words of a language: find a parcel, deliver it again, open a complaint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec

from orchestra.agents.tool import Tool, ToolContext, tool
from orchestra.demo import english
from orchestra.demo.parcels import Parcel, Parcels
from orchestra.demo.texts import Texts
from orchestra.settings import load_settings


class Tools(NamedTuple):
    """Swift Parcel's tools."""

    find_parcel: Tool
    redeliver: Tool
    open_complaint: Tool


@asynccontextmanager
async def open_parcels() -> AsyncIterator[Parcels]:
    """The parcels in the data directory, one file for all processes: the ``resources`` of every tool here."""
    yield await asyncio.to_thread(Parcels, load_settings().data_dir / "demo" / "parcels.sqlite")


def _parcels(context: ToolContext) -> Parcels:
    return cast("Parcels", context.resources)


def _spaced(number: str) -> str:
    """A number digit by digit, as it is read out: ``4 2 7 1``."""
    return " ".join(number)


def tools_in(texts: Texts) -> Tools:  # noqa: C901 - three short functions share the words
    """The tools that ask and answer in these words."""
    ParcelNumber = Annotated[str, msgspec.Meta(pattern=r"^\d{4}$", description=texts.number)]  # noqa: N806 - a type
    Day: Any = Literal.__getitem__(texts.days)  # noqa: N806 - a type

    def said(form: str, parcel: Parcel) -> str:
        return form.format(number=_spaced(parcel.number), status=texts.statuses.get(parcel.number, parcel.status))

    def unknown(number: str) -> str:
        return texts.unknown.format(number=_spaced(number))

    def find_parcel(number: ParcelNumber, context: ToolContext) -> str:
        parcel = _parcels(context).find(number)
        if parcel is None:
            return unknown(number)
        found = said(texts.parcel, parcel)
        if parcel.delivery_day:
            return f"{found} {texts.again_on.format(day=parcel.delivery_day)}"
        return f"{found} {texts.offer}" if parcel.place == "depot" else found

    def redeliver(
        number: ParcelNumber,
        day: Annotated[Day, texts.day],
        context: ToolContext,
    ) -> str:
        parcel = _parcels(context).find(number)
        if parcel is None:
            return unknown(number)
        if parcel.place == "home":
            return said(texts.at_home, parcel)
        _parcels(context).redeliver(context.idempotency_key, number, day)
        return texts.booked.format(number=_spaced(number), day=day)

    def open_complaint(
        number: ParcelNumber,
        what: Annotated[str, texts.what],
        call_back: Annotated[bool, texts.call_back],
        context: ToolContext,
    ) -> str:
        if _parcels(context).find(number) is None:
            return unknown(number)
        complaint = _parcels(context).complain(
            context.idempotency_key, number, what, context.caller_number if call_back else ""
        )
        opened = texts.opened.format(complaint=_spaced(complaint), number=_spaced(number))
        return f"{opened} {texts.called_back}" if call_back else opened

    for function, words in (
        (find_parcel, texts.find_parcel),
        (redeliver, texts.redeliver),
        (open_complaint, texts.open_complaint),
    ):
        function.__doc__ = words.about  # what a model reads of it
    return Tools(
        tool(
            filler=texts.find_parcel.filler,
            idempotent=True,
            stop_on_barge_in=True,
            examples=texts.find_parcel.examples,
        )(find_parcel),
        tool(filler=texts.redeliver.filler, idempotent=True, examples=texts.redeliver.examples)(redeliver),
        tool(filler=texts.open_complaint.filler, idempotent=True, examples=texts.open_complaint.examples)(
            open_complaint
        ),
    )


find_parcel, redeliver, open_complaint = tools_in(english.TEXTS)
