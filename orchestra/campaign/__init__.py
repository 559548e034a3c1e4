"""Campaigns: a list of people is called, each as often as needed and never twice for one attempt.

::

    FILE.csv ──▶ contacts.py ──▶ store.py (one campaign in Redis) ◀──▶ runner.py ──▶ carrier
                                     │                                    ▲
                                     └──▶ results.py ──▶ results.csv      └── records of the calls

What is about to be done is in Redis before it is done: a process that dies leaves an attempt of which everybody knows,
and the next process asks for the same call with the same idempotency key.
"""

from orchestra.campaign.contacts import BadRow, Contact, read_contacts
from orchestra.campaign.options import CampaignOptions, Retry, parse_retries
from orchestra.campaign.results import write_results
from orchestra.campaign.runner import CampaignRunner
from orchestra.campaign.store import CampaignStore, Progress

__all__ = [
    "BadRow",
    "CampaignOptions",
    "CampaignRunner",
    "CampaignStore",
    "Contact",
    "Progress",
    "Retry",
    "parse_retries",
    "read_contacts",
    "write_results",
]
