"""An app like the other one, whose callers are asked whether they may be recorded."""

from dataclasses import replace

from tests.faults.spoken.app import app as plain

QUESTION = "May we record this."
app = replace(plain, name="asking", consent=QUESTION, asks_consent=True, still_there="")
