"""`orchestra deploy`: the files with which the whole system is deployed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestra.deploy.plan import Plan

deploy = typer.Typer(help="Print the files that deploy the whole system.", no_args_is_help=True)

_MOST_EDGES, _LONGEST_DRAIN_S = 100, 86_400
Edges = Annotated[int, typer.Option(min=1, max=_MOST_EDGES, help="How many edges there are at least.")]
App = Annotated[str, typer.Option(help="The app in the image, as module:attribute. Default: ORCHESTRA_APP.")]
Carrier = Annotated[str, typer.Option(help="Whose calls are taken: twilio, telnyx, plivo or vonage.")]
Image = Annotated[str, typer.Option(help="Image with Orchestra and the app. Default: one built from this checkout.")]
Secret = Annotated[
    list[str] | None,
    typer.Option("--secret", help="Another setting that is in a file, as deepgram_api_key. May be repeated."),
]
Drain = Annotated[
    int,
    typer.Option("--drain", min=0, max=_LONGEST_DRAIN_S, help="Seconds that calls go on when their edge is stopped."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(deploy, name="deploy")


@deploy.command()
def compose(
    *,
    edges: Edges = 2,
    domain: Annotated[
        str, typer.Option(help="Host at which carriers and browsers reach the edges. Default: DOMAIN of the file .env.")
    ] = "",
    app: App = "",
    carrier: Carrier = "twilio",
    image: Image = "",
    secret: Secret = None,
    drain: Drain = 120,
) -> None:
    """Print compose.yaml: everything on one machine behind a proxy with TLS, each process with its own secrets only."""
    secrets = tuple(secret or ())
    plan = _plan(edges=edges, domain=domain, app=app, carrier=carrier, image=image, secrets=secrets, drain_s=drain)
    from orchestra.deploy.compose import compose_file

    typer.echo(compose_file(plan), nl=False)


@deploy.command()
def kubernetes(
    *,
    edges: Edges = 2,
    domain: Annotated[str, typer.Option(help="Host at which carriers and browsers reach the edges.")] = "",
    app: App = "",
    carrier: Carrier = "twilio",
    image: Image = "",
    secret: Secret = None,
    drain: Drain = 120,
    namespace: Annotated[str, typer.Option(help="Namespace of everything.")] = "orchestra",
    workers: Annotated[
        list[str] | None, typer.Option("--with", help="Add a worker: logging, telemetry, curator or webhooks.")
    ] = None,
    redis_url: Annotated[
        str, typer.Option("--redis-url", help="A Redis server outside, without its password. Default: one inside.")
    ] = "",
    store: Annotated[
        str, typer.Option(help="Bucket for recordings and archive, s3://…. Default: a volume that pods share.")
    ] = "",
    storage_class: Annotated[str, typer.Option("--storage-class", help="Of the volumes. Default: the cluster's.")] = "",
    ingress_class: Annotated[str, typer.Option("--ingress-class", help="Class of the public proxy.")] = "nginx",
    ingress_namespace: Annotated[
        str, typer.Option("--ingress-namespace", help="Namespace of the public proxy.")
    ] = "ingress-nginx",
    monitoring_namespace: Annotated[
        str, typer.Option("--monitoring-namespace", help="Namespace of Prometheus.")
    ] = "monitoring",
) -> None:
    """Print objects for Kubernetes: everything with probes, policies and autoscaling; secrets by name, none in it."""
    secrets = tuple(secret or ())
    plan = _plan(edges=edges, domain=domain, app=app, carrier=carrier, image=image, secrets=secrets, drain_s=drain)
    from orchestra.deploy.kubernetes import ClusterPlan, kubernetes_files

    cluster = ClusterPlan(
        plan=plan,
        namespace=namespace,
        redis_url=redis_url,
        store=store.rstrip("/"),
        storage_class=storage_class,
        ingress_class=ingress_class,
        ingress_namespace=ingress_namespace,
        monitoring_namespace=monitoring_namespace,
        workers=tuple(workers or ()),
    )
    typer.echo(kubernetes_files(cluster), nl=False)


def _plan(**options: Any) -> "Plan":
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("voice", "agents"):
        import orchestra.deploy.kubernetes  # noqa: F401 - it needs PyYAML, and the carriers' own packages
    from orchestra.deploy.plan import Plan

    return Plan(**options)
