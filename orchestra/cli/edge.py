"""`orchestra edge`: answers phone calls."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(edge)


def edge() -> None:
    """Answer phone calls until SIGTERM: serves carriers' webhooks and media streams, browsers, and the SIP gateway."""
    import uvloop

    from orchestra.child_process import on_one_core
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "edge")

    try:
        with on_one_core():
            from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log

            redirect_pipecat_log()
            from orchestra.agents.loader import load_lines
            from orchestra.app_phrases import edge_lines
            from orchestra.cli.app_languages import check_languages
            from orchestra.voice.edge.server import run_edge
    except ImportError as error:
        from orchestra.errors import MissingExtraError

        if error.name is not None and error.name.startswith("orchestra"):
            raise
        msg = f"the voice edge cannot import {error.name or error}: install the extra `voice`"
        raise MissingExtraError(msg) from error
    lines = load_lines(settings.app)
    check_languages(settings, lines)
    uvloop.run(run_edge(settings, edge_lines(lines)))
