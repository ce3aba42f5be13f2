"""How large an installation is, and what would go with each dependency: megabytes of the files of this environment.

    python -m venv /tmp/fresh && /tmp/fresh/bin/pip install -c constraints.txt dist/*.whl
    /tmp/fresh/bin/python benchmarks/install_size.py

A package counts for a dependency if nothing else that hydromae needs requires it. Compiled Python (`.pyc`) counts.
"""

import argparse
import importlib.metadata as metadata
import re
from functools import cache
from pathlib import Path

_MB = 1e6


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def needs(name: str) -> frozenset[str]:
    """The installed packages that a package requires here without an extra of its own."""
    texts = [text for text in metadata.requires(name) or () if "extra ==" not in text]
    return frozenset(normal(re.match(r"[\w.-]+", text)[0]) for text in texts) & SIZES.keys()  # type: ignore[index]


def reached(start: str, without: str = "") -> set[str]:
    """A package and all that it requires, but for one and what only that requires."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen and name != without:
            seen.add(name)
            waiting += needs(name)
    return seen


def size(distribution: metadata.Distribution) -> int:
    paths = {Path(str(file.locate())) for file in distribution.files or ()}
    return sum(path.stat().st_size for path in paths if path.is_file())


SIZES: dict[str, int] = {}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    SIZES.update((normal(d.metadata["Name"]), size(d)) for d in metadata.distributions())
    everything = reached("hydromae")
    total = sum(SIZES[name] for name in everything)
    print(f"hydromae and what it needs, {len(everything)} packages: {total / _MB:.0f} MB")
    gone = {name: everything - reached("hydromae", name) for name in needs("hydromae")}
    for name, names in sorted(gone.items(), key=lambda item: -sum(SIZES[n] for n in item[1])):
        others = f", with {', '.join(sorted(names - {name}))}" if len(names) > 1 else ""
        saved = sum(SIZES[n] for n in names)
        print(f"without {name}: {(total - saved) / _MB:.0f} MB, {saved / _MB:.0f} less{others}")


if __name__ == "__main__":
    main()
