"""Makes finished calls tasks of the labelling project."""

from orchestra.curation.handlers import Curator

consumer = Curator().consumer
