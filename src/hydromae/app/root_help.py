"""The list of commands, written without rich: importing it takes longer than all the rest of `hydromae --help`."""

from typing import Any

from typer.core import TyperGroup


class PlainHelp(TyperGroup):
    """A group whose own help is plain text; that of its commands is as everywhere else."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, sentence, options and commands."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each command with the whole first sentence of its help, which the class above would cut off."""
        rows = [(name, command.get_short_help_str(1000)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
