"""Language tags (BCP 47) as other systems write them."""


def base_of(tag: str) -> str:
    """The language of a tag without script and region: ``es`` of ``es-MX``."""
    return tag.replace("_", "-").partition("-")[0].lower()
