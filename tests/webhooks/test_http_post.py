"""A URL that somebody else chose reaches what it may reach, and nothing for longer or larger than it may be."""

import datetime as dt
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orchestra.errors import NoAnswerError, PrivateAddressError
from orchestra.webhooks import allowed_address
from orchestra.webhooks.allowed_address import allowed_addresses, is_public
from orchestra.webhooks.http_post import HttpPost
from orchestra.webhooks.signing import signed_headers
from tests.servers.webhook_receiver import SECRET, Trouble, WebhookReceiver

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0",
    "168.63.129.16", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_private_networks_are_known(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d70e"])
def test_addresses_of_the_internet_are_known(address: str) -> None:
    assert is_public(ip_address(address))


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Callable[[], int]:
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(None, None, None, "", (address, port)) for address in addresses]

    monkeypatch.setattr(allowed_address.socket, "getaddrinfo", getaddrinfo)
    return lambda: len(asked)


async def test_a_name_with_a_private_address_is_refused_and_of_several_only_the_public_ones_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadPoolExecutor(1) as threads:
        resolves_to(monkeypatch, "10.0.0.7", "93.184.215.14")
        assert await allowed_addresses("a.example", 443, private=False, threads=threads) == ["93.184.215.14"]
        resolves_to(monkeypatch, "169.254.169.254")
        with pytest.raises(PrivateAddressError, match="WEBHOOKS_PRIVATE"):
            await allowed_addresses("a.example", 443, private=False, threads=threads)
        assert await allowed_addresses("a.example", 443, private=True, threads=threads) == ["169.254.169.254"]


def headers(body: bytes) -> dict[str, str]:
    return signed_headers((SECRET,), "an-id", body, time.time())


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with WebhookReceiver() as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        asked = resolves_to(monkeypatch, "127.0.0.1")
        post = HttpPost(f"http://crm.example:{port}", private=True)
        body = b'{"data":{"id":"an-id"}}'
        assert (await post.post(body, headers(body))).status == 200
        assert (await post.post(body, headers(body))).words == "said"
        assert asked() == 1
        assert receiver.headers[0]["host"] == f"crm.example:{port.partition('/')[0]}"
        await post.close()
        outside = HttpPost(receiver.url.replace("http:", "https:"), private=False)
        with pytest.raises(PrivateAddressError):
            await outside.post(body, {})
        await outside.close()
    assert len(receiver.delivered) == 2


@pytest.mark.parametrize(("trouble", "words"), [("hang", "no answer within 0.1 s"), ("close", "does not answer")])
async def test_an_endpoint_that_does_not_answer_is_waited_for_briefly(trouble: Trouble, words: str) -> None:
    async with WebhookReceiver() as receiver:
        receiver.trouble = lambda _path, _message: trouble
        post = HttpPost(receiver.url, private=True, timeout_s=0.1)
        with pytest.raises(NoAnswerError, match=words):
            await post.post(b"{}", {})
        await post.close()


@pytest.mark.parametrize(("trouble", "words"), [("huge", "x" * 200), ("redirect", "redirect to http://127.0.0.1:")])
async def test_an_answer_is_read_up_to_a_bound_and_a_redirect_is_said(trouble: Trouble, words: str) -> None:
    async with WebhookReceiver() as receiver:
        receiver.trouble = lambda _path, _message: trouble
        post = HttpPost(receiver.url, private=True)
        assert (await post.post(b"{}", {})).words.startswith(words)
        await post.close()
    assert receiver.paths == {"/hooks"}


def certificate(folder: Path, name: str) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    plain, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(built.public_bytes(plain) + key.private_bytes(plain, form, serialization.NoEncryption()))
    return file


async def test_the_certificate_must_be_that_of_the_name_although_an_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pem = certificate(tmp_path, "crm.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    resolves_to(monkeypatch, "127.0.0.1")
    async with WebhookReceiver(tls=context) as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        body = b'{"data":{"id":"an-id"}}'
        right, wrong = HttpPost(f"https://crm.example:{port}", private=True), HttpPost(receiver.url, private=True)
        assert (await right.post(body, headers(body))).status == 200
        with pytest.raises(NoAnswerError, match="certificate"):
            await wrong.post(body, headers(body))
        await right.close()
        await wrong.close()
    assert len(receiver.delivered) == 1
