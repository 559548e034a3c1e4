"""`orchestra doctor` on external services: whether each can be reached and accepts our credentials."""

import asyncio
from typing import TYPE_CHECKING, Any

from orchestra.cli.doctor.carriers import Check, carriers
from orchestra.cli.doctor.finding import Finding, not_set
from orchestra.counted import counted
from orchestra.errors import OrchestraError, ServiceError

if TYPE_CHECKING:
    from orchestra.settings import Settings

_WITHIN_S = 10.0
_REFUSED = {401, 403}
_OPENAI = "https://api.openai.com/v1"


async def services(settings: "Settings") -> list[Finding]:
    """Check one after another: the first use of a vendor's library takes seconds."""
    checks: dict[str, Check] = {
        "Deepgram": _deepgram,
        "ElevenLabs": _elevenlabs,
        **carriers(settings),
        **({"SIP": _sip} if settings.sip or settings.carrier == "sip" else {}),
        "OpenObserve": _openobserve,
        "OTLP": _otlp,
        "Label Studio": _label_studio,
    }
    return [await _asked(what, check, settings) for what, check in checks.items()]


async def _asked(what: str, check: Check, settings: "Settings") -> Finding:
    try:
        return await check(settings)
    except ImportError as error:
        return Finding(what, False, f"cannot be asked: {error.name} is not installed")
    except OrchestraError as error:
        return Finding(what, False, str(error))


def _http_url(url: str) -> str:
    return url.replace("ws", "http", 1).rstrip("/") if url.startswith("ws") else url.rstrip("/")


def _unreachable(url: str, error: Exception) -> ServiceError:
    return ServiceError(f"{url} cannot be reached: {error!r}")


def _refusal(status: int | None, variable: str, url: str) -> ServiceError:
    if status in _REFUSED:
        return ServiceError(f"the key is refused ({status}): set ORCHESTRA_{variable} to a valid one")
    return ServiceError(f"{url} answers {status}")


# -- the model


async def model(settings: "Settings") -> Finding:
    """Check whether the model's server can be reached, accepts our key, and lists the model."""
    if settings.model == "offline":
        return Finding("model", True, "offline, a deterministic stand-in")
    if not settings.model_url and not settings.model_api_key.get_secret_value():
        return not_set("model", "MODEL_URL, or ORCHESTRA_MODEL_API_KEY for OpenAI's own", needed=True)
    return await _asked("model", _model, settings)


async def _model(settings: "Settings") -> Finding:
    import httpx
    import msgspec

    url, key = (settings.model_url or _OPENAI).rstrip("/"), settings.model_api_key.get_secret_value()
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
            answer = await http.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    except httpx.HTTPError as error:
        raise _unreachable(url, error) from error
    if answer.status_code == httpx.codes.NOT_FOUND:  # some servers list nothing, and answer all the same
        return Finding("model", True, f"{settings.model} at {url}, which lists no models")
    if not answer.is_success:
        raise _refusal(answer.status_code, "MODEL_API_KEY", url)
    try:
        listed = {each["id"] for each in msgspec.json.decode(answer.content, type=dict[str, Any]).get("data") or ()}
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        msg = f"{url} does not answer as OpenAI's servers do: does it end in /v1?"
        raise ServiceError(msg) from error
    unlisted = "" if settings.model in listed else ", which does not list it under this name"
    return Finding("model", True, f"{settings.model} at {url}{unlisted}")


# -- the SIP gateway


async def _sip(settings: "Settings") -> Finding:
    import httpx
    import msgspec

    url = settings.sip_url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S, trust_env=False) as http:
            answer = await http.get(f"{url}/healthz")
        said = msgspec.json.decode(answer.content, type=dict[str, Any])
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        msg = f"no gateway answers at {url} ({error!r}): start `orchestra sip`, or set ORCHESTRA_SIP_URL"
        raise ServiceError(msg) from error
    if settings.sip_register and not said.get("registered"):
        msg = f"the gateway is not registered at {settings.sip_register}: its log says why"
        raise ServiceError(msg)
    where = f", registered at {settings.sip_register}" if settings.sip_register else ""
    return Finding("SIP", True, f"gateway {said.get('status')}, {counted(int(said.get('calls') or 0), 'call')}{where}")


# -- speech


async def _deepgram(settings: "Settings") -> Finding:
    if not settings.deepgram_api_key.get_secret_value():
        return not_set("Deepgram", "DEEPGRAM_API_KEY", needed=settings.stt == "deepgram")
    models = await deepgram_models(settings)
    model = settings.deepgram_model
    if model not in models:
        msg = f"the key is valid, but there is no model {model!r}: orchestra doctor --voices lists them"
        raise ServiceError(msg)
    return Finding("Deepgram", True, f"key valid, model {model}")


async def deepgram_models(settings: "Settings") -> list[str]:
    """The models that hear.

    Raises:
        OrchestraError: the key is refused, or Deepgram does not answer.

    """
    import httpx
    from deepgram import AsyncDeepgramClient
    from deepgram.core.api_error import ApiError
    from deepgram.environment import DeepgramClientEnvironment

    url = _http_url(settings.deepgram_url)
    places = DeepgramClientEnvironment(base=url, production=url, agent=url, agent_rest=url)
    async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
        key = settings.deepgram_api_key.get_secret_value()
        client = AsyncDeepgramClient(api_key=key, environment=places, httpx_client=http)
        try:
            await client.manage.v1.projects.list()  # the models are public: they do not prove the key
            found = await client.manage.v1.models.list()
        except ApiError as error:
            raise _refusal(error.status_code, "DEEPGRAM_API_KEY", url) from error
        except httpx.HTTPError as error:
            raise _unreachable(url, error) from error
    names = {name for model in found.stt or () for name in (model.architecture, model.canonical_name) if name}
    return sorted(names)


async def _elevenlabs(settings: "Settings") -> Finding:
    if not settings.elevenlabs_api_key.get_secret_value():
        return not_set("ElevenLabs", "ELEVENLABS_API_KEY", needed=settings.tts == "elevenlabs")
    voices, models = await elevenlabs_voices(settings)
    if settings.elevenlabs_model not in models:
        msg = f"the key is valid, but there is no model {settings.elevenlabs_model!r}: it has {', '.join(models)}"
        raise ServiceError(msg)
    if settings.elevenlabs_voice not in voices:
        msg = (
            f"the key is valid, but it has no voice {settings.elevenlabs_voice!r}: orchestra doctor --voices lists them"
        )
        raise ServiceError(msg)
    name = voices[settings.elevenlabs_voice]
    return Finding(
        "ElevenLabs", True, f"key valid, voice {name or settings.elevenlabs_voice}, {settings.elevenlabs_model}"
    )


async def elevenlabs_voices(settings: "Settings") -> tuple[dict[str, str], list[str]]:
    """The voices of the account by id, with the name of each, and the models that speak.

    The voice of the settings is among them if it exists, though it be no voice of the account's own.

    Raises:
        OrchestraError: the key is refused, or ElevenLabs does not answer.

    """
    import httpx
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.core import ApiError

    url = _http_url(settings.elevenlabs_url)
    async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
        key = settings.elevenlabs_api_key.get_secret_value()
        client = AsyncElevenLabs(base_url=url, api_key=key, httpx_client=http)
        try:
            models = [model.model_id for model in await client.models.list()]
            voices = {voice.voice_id: voice.name or "" for voice in (await client.voices.get_all()).voices}
            if settings.elevenlabs_voice not in voices:
                voices |= await _voice(client, settings.elevenlabs_voice)
        except ApiError as error:
            raise _refusal(error.status_code, "ELEVENLABS_API_KEY", url) from error
        except httpx.HTTPError as error:
            raise _unreachable(url, error) from error
    return voices, models


async def _voice(client: object, voice: str) -> dict[str, str]:
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.core import ApiError

    assert isinstance(client, AsyncElevenLabs)
    try:
        return {voice: (await client.voices.get(voice)).name or ""}
    except ApiError as error:
        if error.status_code in _REFUSED:
            raise
        return {}


# -- after the call


async def _openobserve(settings: "Settings") -> Finding:
    if not settings.openobserve_url:
        return not_set("OpenObserve", "OPENOBSERVE_URL", needed=False)
    import httpx

    from orchestra.telemetry.openobserve import OpenObserve

    server = OpenObserve(settings, timeout_s=_WITHIN_S)
    try:
        answer = await server.call("GET", "/dashboards")
    except httpx.HTTPError as error:
        raise _unreachable(settings.openobserve_url, error) from error
    finally:
        await server.close()
    if answer.status_code in _REFUSED:
        msg = f"the credentials are refused ({answer.status_code}): see ORCHESTRA_OPENOBSERVE_USER and its secret"
        raise ServiceError(msg)
    if not answer.is_success:
        msg = f"organization {settings.openobserve_org!r} answers {answer.status_code}"
        raise ServiceError(msg)
    return Finding("OpenObserve", True, f"credentials valid, organization {settings.openobserve_org}")


async def _otlp(settings: "Settings") -> Finding:
    if not settings.otlp_url:
        return not_set("OTLP", "OTLP_URL", needed=False)
    import httpx

    from orchestra.telemetry.otlp import otlp_endpoint, otlp_headers

    url = otlp_endpoint(settings, "traces")
    headers = {"Content-Type": "application/x-protobuf"} | otlp_headers(settings)
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S) as http:
            # no bytes are a request with no spans
            answer = await http.post(url, content=b"", headers=headers)
    except httpx.HTTPError as error:
        raise _unreachable(settings.otlp_url, error) from error
    if answer.status_code in _REFUSED:
        msg = f"the headers are refused ({answer.status_code}): see ORCHESTRA_OTLP_HEADERS"
        raise ServiceError(msg)
    if not answer.is_success:
        msg = f"{url} answers {answer.status_code}: is this an OTLP receiver over HTTP?"
        raise ServiceError(msg)
    return Finding("OTLP", True, f"{settings.otlp_url} takes spans")


async def _label_studio(settings: "Settings") -> Finding:
    if not settings.label_studio_url:
        return not_set("Label Studio", "LABEL_STUDIO_URL", needed=False)
    project = await asyncio.to_thread(_label_studio_project, settings)
    state = "is there" if project else "is made with the first call"
    return Finding("Label Studio", True, f"token valid, project {settings.label_studio_project!r} {state}")


def _label_studio_project(settings: "Settings") -> int:
    from orchestra.curation.label_studio import LabelStudio

    with LabelStudio(settings) as server:
        return server.open(create=False)
