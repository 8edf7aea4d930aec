"""CPU time and memory of a process and its children, from /proc. Linux only."""

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM = 1, 11, 12  # places in /proc/PID/stat behind the name of the program


class Memory(NamedTuple):
    """In bytes. `pss` counts a page that n processes share as the n-th part of a page."""

    rss: int
    pss: int


def cpu_s(pid: int) -> float:
    """Seconds of CPU time used so far."""
    ticks = 0
    for member in _tree(pid):
        fields = _stat(member)
        if fields:
            ticks += int(fields[_USER]) + int(fields[_SYSTEM])
    return ticks / _TICKS_PER_S


def memory(pid: int) -> Memory:
    rss = pss = 0
    for member in _tree(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended
            continue
        for line in lines:
            if line.startswith("Rss:"):
                rss += int(line.split()[1]) * 1024
            elif line.startswith("Pss:"):
                pss += int(line.split()[1]) * 1024
    return Memory(rss, pss)


def _stat(pid: int) -> list[str]:
    try:
        # The name of the program may hold anything, a parenthesis too.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _tree(pid: int) -> list[int]:
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[_PARENT])].append(int(entry.name))
    members, todo = [], [pid]
    while todo:
        member = todo.pop()
        members.append(member)
        todo += children[member]
    return members
