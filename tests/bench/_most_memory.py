"""The most memory that a process has had."""

from pathlib import Path


def most_mb(pid: int | str = "self") -> float:
    """The largest resident set that the program ever had, in MB.

    Not that of `resource.getrusage`, which counts what the process was before it became this program: a copy of the one
    that started it.
    """
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) / 1000
