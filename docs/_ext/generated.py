"""What the reference takes from the code: `{generated} commands`, `keys` or `python`."""

from collections.abc import Callable, Iterator
from itertools import groupby

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.cli import get_docs_for_click
from typer.main import get_command

import hydromae
from hydromae.app.cli import app as command_line
from hydromae.config.explain import Key, all_keys


def commands() -> str:
    """The help of every command, as Typer writes it in Markdown."""
    command = get_command(command_line)
    context = command.context_class(command, info_name="hydromae")
    text = get_docs_for_click(obj=command, ctx=context, name="hydromae")
    return text.split("\n", 1)[1]  # the page has a title of its own


def keys() -> str:
    """A table of keys for each section of the configuration."""
    return "\n".join(_section(name, list(group)) for name, group in groupby(all_keys(), _section_name))


def python() -> str:
    """The docstring of every public name."""
    return "\n".join(_documented())


def _section_name(key: Key) -> str:
    return key.name.split(".")[0] if "." in key.name else "Of the whole"


def _section(name: str, section: list[Key]) -> str:
    rows = (" | ".join(map(_cell, (f"`{key.name}`", key.type, key.default, key.meaning))) for key in section)
    table = "\n".join(f"| {row} |" for row in rows)
    return f"## {name}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{table}\n"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("<", "&lt;")
    return text.replace("|", "\\|") if text.startswith("`") else escaped.replace("*", "\\*").replace("_", "\\_")


def _documented() -> Iterator[str]:
    names = {name: f"hydromae.{name}" for name in hydromae._PUBLIC}
    names |= {"Loaded": "hydromae.tasks.loaded.Loaded", "check": "hydromae.check.any_target.check_any"}
    for name, path in sorted(names.items(), key=lambda item: item[0].lower()):
        kind = "class" if name[0].isupper() else "function"
        # The fields of a configuration are its keys, which have a page of their own.
        members = "" if kind == "function" or name.endswith("Config") else "   :members:\n"
        signature = "()" if name.endswith("Config") else ""
        yield f"## {name}\n\n```{{eval-rst}}\n.. auto{kind}:: {path}{signature}\n{members}```\n"


_KINDS: dict[str, Callable[[], str]] = {"commands": commands, "keys": keys, "python": python}


class Generated(SphinxDirective):
    """Text that the code gives."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(_KINDS[self.arguments[0]](), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("generated", Generated)
    app.add_lexer("mermaid", TextLexer)  # a drawing on GitHub; here its text
    return {"parallel_read_safe": True, "parallel_write_safe": True}
