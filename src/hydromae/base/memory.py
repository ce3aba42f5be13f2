"""How much memory this process needs and the machine has."""

import os
import resource
import sys
from pathlib import Path

import torch


def peak_memory(device: torch.device | str = "cpu") -> int:
    """Largest memory so far in bytes: resident memory of this process, or what torch took of a GPU.

    On Linux the kernel's figure for this program is read, since getrusage also counts what the process was before it
    became this program.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def used_memory(device: torch.device | str = "cpu") -> int:
    """Memory in bytes that this process needs now: resident, or what torch has taken of a GPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_memory()


def machine_memory(device: torch.device | str = "cpu") -> int | None:
    """Memory in bytes of the GPU or of the machine; less where a container or a job is limited.

    None where the system does not say.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        return None
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(path).read_text()))
        except (OSError, ValueError):
            continue  # no such limit
    return min(sizes)
