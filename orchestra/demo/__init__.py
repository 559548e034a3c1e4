"""Swift Parcel, the parcel service of the demo; the app that runs unless ``ORCHESTRA_APP`` names another."""

from orchestra.demo.team import app

__all__ = ["app"]
