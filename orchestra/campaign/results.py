"""What came of a campaign, as a CSV file."""

import csv
from datetime import UTC, datetime
from typing import IO, Final

from orchestra.campaign.store import CampaignStore

_HEADING: Final = ("row", "number", "outcome", "attempts", "call", "called_at", "detail")
#: spreadsheets take a field that begins so for a formula (https://owasp.org/www-community/attacks/CSV_Injection)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


async def write_results(store: CampaignStore, file: IO[str]) -> int:
    """Write a row for each contact, with the columns that its file had. Returns their number.

    Texts that a spreadsheet would run as formulas begin with an apostrophe, all but the telephone numbers.
    """
    writer, rows = csv.writer(file), 0
    columns: dict[str, None] = {}
    async for contact, _ in store.everyone():
        columns |= dict.fromkeys(contact.variables)
    writer.writerow([*_HEADING, *columns])
    async for contact, attempt in store.everyone():
        rows += 1
        called = datetime.fromtimestamp(attempt.began_at, UTC).isoformat(timespec="seconds") if attempt.number else ""
        detail, *own = map(_harmless, (attempt.detail, *(contact.variables.get(name, "") for name in columns)))
        writer.writerow(
            [
                contact.row,
                contact.number,
                attempt.outcome or "waiting",
                attempt.number,
                attempt.call,
                called,
                detail,
                *own,
            ]
        )
    return rows


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
