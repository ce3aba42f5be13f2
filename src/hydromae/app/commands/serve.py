"""The command that serves a page that asks models."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import titled


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|MODEL|STORE...",
            help="Run directories or models of `hydromae models`, which are compared; or a store, to look at data.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other data than the runs': a folder, a configuration (.yaml) or a store.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine need --allow-network.")] = (
        "127.0.0.1"
    ),
    allow_network: Annotated[
        bool, typer.Option("--allow-network", help="Let other machines ask, with the token of the printed address.")
    ] = False,
) -> None:
    """Ask models in the browser: pick a station and a day, hide what you like, and see the answer beside the truth.

    The page shows the forecast with its 50 and 90 % bands, persistence, and what was observed later. Drag over days to
    hide them, hide a modality, a station (as if it were ungauged) or patches of a grid, and see what the model makes of
    it. Only this machine can open it. Ctrl-C ends it.

    Example: `hydromae serve gb --data my_gauges`

    Compare two runs: `hydromae serve output/run output/other --data stores/my`

    Look at data without a model: `hydromae serve stores/my`, or `hydromae serve --data my_gauges`

    From another machine: `ssh -L 8765:127.0.0.1:8765 server`, then open the printed address.

    It needs an extra: `pip install "hydromae[serve]"`
    """
    from importlib.util import find_spec

    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in
    from hydromae.base.errors import ConfigError

    if lacking := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise ConfigError(
            f'the server needs {" and ".join(lacking)}, not installed here; run `pip install "hydromae[serve]"`'
        )
    from hydromae.serve.served import Served
    from hydromae.serve.start import serve as serve_page

    with Stages() as stages:
        served = Served.open(sources or [], data_in(data, titled(stages.stage, "Preparing")))
    try:
        serve_page(
            served,
            port,
            host,
            allow_network,
            lambda address: console.print(f"Open {address} in a browser; Ctrl-C ends it.", soft_wrap=True),
        )
    except KeyboardInterrupt:
        console.print("Ended.")
