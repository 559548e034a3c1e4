"""`orchestra sip`: the gateway between SIP and the edges."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sip)


def sip() -> None:
    """Take calls of telephones, exchanges and trunks by SIP until SIGTERM, and pass them to the edges.

    The edges need ORCHESTRA_SIP=1. Point a softphone or a PBX at ORCHESTRA_SIP_LISTEN (UDP and TCP, TLS at the next
    port): those in ORCHESTRA_SIP_ALLOW may call without registration. ORCHESTRA_SIP_REGISTER registers at a PBX or
    trunk. A call survives the death of its edge: another one of ORCHESTRA_SIP_EDGES takes it up.
    """
    import uvloop

    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "sip")
    with needs_extra("sip"):
        from orchestra.sip.process import run_gateway

    uvloop.run(run_gateway(settings))
