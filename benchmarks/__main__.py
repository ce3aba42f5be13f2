"""What there is to measure, and how to run it.

    python -m benchmarks                  # the list
    python -m benchmarks step --days 10   # one of them, with its options; --help says which

From the root of the repository. `python benchmarks/step.py --days 10` does the same.
"""

import argparse
import ast
import subprocess
import sys
from pathlib import Path


def benchmarks() -> dict[str, str]:
    """Name -> first line of the docstring, for every file here that runs by itself."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path != Path(__file__) and '__name__ == "__main__"' in text:
            found[path.stem] = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return found


def main() -> int:
    """Print the list, or run one in a process of its own, where it can start further ones."""
    known = benchmarks()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        usage="%(prog)s [NAME [OPTIONS]]",
        epilog="\n".join(f"  {name:20s} {line}" for name, line in known.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", choices=known, help="one of those below; none prints them")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="OPTIONS", help="of that benchmark, as --help")
    given = parser.parse_args()
    if given.name is None:
        print(parser.epilog)
        return 0
    return subprocess.call([sys.executable, str(Path(__file__).with_name(f"{given.name}.py")), *given.options])


if __name__ == "__main__":
    sys.exit(main())
