"""The pages: files of this package, kept in memory. They show nothing by themselves, so everybody may load them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import Traversable
from importlib.resources import files

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from orchestra.console.answers import as_json

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
#: the address of each page, and its file
_PAGES = {
    "/": "live.html",
    "/calls": "calls.html",
    "/calls/{call}": "call.html",
    "/figures": "figures.html",
    "/versions": "versions.html",
    "/streams": "streams.html",
    "/results": "results.html",
    "/sign-in": "sign-in.html",
}
_NO_SUCH_PAGE = "no-such-page.html"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that browsers load."""

    content: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Every file of the pages by its path below the folder (``shell.js``)."""
    return {name: _file(name, each) for name, each in _walk(files(__package__) / "pages", "")}


def page_paths() -> list[str]:
    """The address of each page."""
    loaded = page_files()
    return [path for path, name in _PAGES.items() if name in loaded]


def _walk(folder: Traversable, above: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{above}{each.name}/")
        elif each.name.rpartition(".")[2] in _TYPES:
            yield above + each.name, each


def _file(name: str, source: Traversable) -> PageFile:
    content = source.read_bytes()
    return PageFile(content, _TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def pages_router() -> APIRouter:
    """The pages and what they load, from ``/pages/``."""
    loaded, router = page_files(), APIRouter()

    def serve(path: str, file: PageFile) -> None:
        async def page(request: Request) -> Response:
            return _answer(request, file)

        router.add_api_route(path, page, methods=["GET", "HEAD"])

    for path, name in _PAGES.items():
        if name in loaded:
            serve(path, loaded[name])

    @router.get("/pages/{name:path}")
    async def file(request: Request, name: str) -> Response:
        if name not in loaded:
            raise HTTPException(404, "there is no such file")
        return _answer(request, loaded[name])

    return router


def add_no_such_page(app: FastAPI) -> None:
    """Browsers get a page where an address leads nowhere; programs a sentence, as for every other error."""
    file = page_files()[_NO_SUCH_PAGE]

    async def nothing(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
            return _answer(request, file, 404)
        return as_json({"error": error.detail}, 404)

    app.add_exception_handler(404, nothing)


def _answer(request: Request, file: PageFile, status: int = 200) -> Response:
    """The file, unless the browser has it: it asks each time, so that a page never runs with a module of yesterday."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    asked = request.headers.get("if-none-match", "")
    if file.etag in (each.strip().removeprefix("W/") for each in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(file.content, status, headers, media_type=file.media_type)
