"""`python -m orchestra.cli`, for processes that start processes."""

from orchestra.cli import main

main()
