"""The explorer in a browser: the real server with a tiny model, Debian's Chromium, and no network.

Every test that opens a page fails if that page asks anything of another origin, prints an error to
the console, or throws. Numbers on the page are compared with :func:`forward`, a plain pass of the
same weights in this process, which knows nothing of the server.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cutaway.generation import LanguageModel
from cutaway.interp import Recorder
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
uvicorn = pytest.importorskip("uvicorn", reason="the extra [explore] is not installed")

REPO = Path(__file__).parents[2]
STATIC = REPO / "src" / "cutaway" / "server" / "static"
AXE = REPO / "web" / "node_modules" / "axe-core" / "axe.min.js"
IDLE = "[data-busy=false]"
TEXT = "the inning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Names what is missing once, instead of failing in every test."""
    reason = ""
    if chromium() is None:
        reason = "no Chromium: make test installs Debian's where it can"
    elif not (STATIC / "index.html").is_file():
        reason = "the page is not built: make test builds it"
    for item in items:
        if reason and Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=reason))


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": chromium(), "args": ["--no-sandbox", "--disable-gpu"]}


def tiny_model(
    enliven: Callable[..., GPT2], *, name: str, seed: int, n_ctx: int = 64
) -> LanguageModel:
    """A model that writes bytes and a few words; no two axes of it have one size."""
    tokenizer = byte_tokenizer()
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size, n_ctx=n_ctx, n_embd=20, n_layer=3, n_head=5
    )
    model = enliven(GPT2(config), seed=seed).requires_grad_(False)
    return LanguageModel(model, tokenizer, name=name, fingerprint=f"{seed:x}" * 16)


@pytest.fixture(scope="session")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    """The model that the page opens with."""
    return tiny_model(enliven, name="tiny", seed=10)


@pytest.fixture(scope="session")
def forward(lm: LanguageModel) -> Callable[[list[int]], NDArray[np.float32]]:
    """Logits of every position, by one plain pass."""

    def run(ids: list[int]) -> NDArray[np.float32]:
        with torch.no_grad():
            return lm.model(torch.tensor([ids]))[0].float().numpy()

    return run


Patterns = Callable[[list[int]], NDArray[np.float32]]
Vectors = Callable[[list[int], int, int], dict[str, NDArray[np.float64]]]


@pytest.fixture
def patterns(lm: LanguageModel) -> Patterns:
    """Attention of all layers and heads, (L, H, T, S), by one plain pass."""

    def run(ids: list[int]) -> NDArray[np.float32]:
        names = [f"h.{i}.attn.pattern" for i in range(lm.model.config.n_layer)]
        recorder = Recorder(set(names))
        with torch.no_grad():
            lm.model(torch.tensor([ids]), tap=recorder)
        return np.stack([recorder.values[name][0].float().numpy() for name in names])

    return run


@pytest.fixture
def vectors(lm: LanguageModel) -> Vectors:
    """Queries, keys, values and outputs (T, K) of one head, by one plain pass."""

    def run(ids: list[int], layer: int, head: int) -> dict[str, NDArray[np.float64]]:
        recorder = Recorder({f"h.{layer}.attn.{name}" for name in "qkvz"})
        with torch.no_grad():
            lm.model(torch.tensor([ids]), tap=recorder)
        return {
            name: recorder.values[f"h.{layer}.attn.{name}"][0, head].double().numpy()
            for name in "qkvz"
        }

    return run


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    return shifted / shifted.sum()


class _Server(uvicorn.Server):  # type: ignore[misc, name-defined]
    """Tells when it listens, and where."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
        )
        self.listens = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @property
    def url(self) -> str:
        port = self.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"


@dataclass
class Served:
    """An address, and the application behind it."""

    url: str
    app: Any


@pytest.fixture(scope="session")
def served(lm: LanguageModel, enliven: Callable[..., GPT2]) -> Iterator[Served]:
    """The explorer's server with two models."""
    from cutaway.server.app import create_app

    with serving(create_app([lm, tiny_model(enliven, name="other", seed=11, n_ctx=24)])) as served:
        yield served


@contextmanager
def serving(app: Any) -> Iterator[Served]:
    """An application behind an address of its own."""
    server = _Server(app)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.listens.wait(30)
    try:
        yield Served(server.url, app)
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """Motion reduced, so that every drawing is at its end and nothing needs to be waited for."""
    return {
        "viewport": {"width": 1440, "height": 900},
        "locale": "en-GB",
        "color_scheme": "light",
        "reduced_motion": "reduce",
        "accept_downloads": True,
    }


@dataclass
class Watch:
    """What pages did that they must not."""

    outside: list[str] = field(default_factory=list)
    # Servers of a test's own.
    own: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    # Errors that a test provokes: parts of their texts.
    expected: list[str] = field(default_factory=list)

    def unexpected(self) -> list[str]:
        return [e for e in self.errors if not any(part in e for part in self.expected)]


@pytest.fixture
def watch(context: Any, served: Served) -> Iterator[Watch]:
    """Lets a page ask its own origin only; what else it asks is refused and remembered."""
    watched = Watch()

    def guard(route: Any) -> None:
        url = route.request.url
        if url.startswith((served.url, *watched.own, "data:", "blob:", "file:")):
            route.fallback()
        else:
            watched.outside.append(url)
            route.abort()

    def follow(page: Any) -> None:
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                watched.errors.append(message.text) if message.type == "error" else None
            ),
        )

    context.route("**/*", guard)
    context.on("page", follow)
    yield watched
    assert watched.outside == []
    assert watched.unexpected() == []


def settled(page: Any) -> None:
    """Waits until the page asks for nothing any more."""
    page.wait_for_selector(IDLE, state="attached")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    page.wait_for_selector(IDLE, state="attached")


Open = Callable[..., Any]


@pytest.fixture
def explore(context: Any, watch: Watch, served: Served) -> Open:
    """Opens the explorer at a place and waits until all of it is there."""

    def open_page(view: str = "keyboard", *, ids: list[int] | None = None, more: str = "") -> Any:
        page = context.new_page()
        text = "" if ids is None else f"&m=tiny&t={packed(ids)}"
        page.goto(f"{served.url}/#v={view}{text}{more}")
        page.wait_for_selector(f"[data-view={view}] figure")
        settled(page)
        return page

    return open_page


def packed(ids: list[int]) -> str:
    """Token ids as the page writes them into its address."""
    import base64

    data = np.asarray(ids, dtype="<u2").tobytes()
    return "s" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def tokens(page: Any) -> Any:
    """The chips of the text."""
    return page.locator(".tokens [role=option]")


def numbers(scope: Any, of: str) -> list[float]:
    """The numbers that a page shows under a name, as they came, in the order of the page."""
    found = scope.locator(f"[data-of='{of}']").evaluate_all(
        "(elements) => elements.map((e) => [e.dataset.value, e.textContent])"
    )
    return [float(value) for value, _ in found]


def strips(scope: Any) -> list[NDArray[np.float64]]:
    """The arrays behind all strips of numbers."""
    found = scope.locator("canvas").evaluate_all("(all) => all.map((c) => [...c.cutaway.values])")
    return [np.array(values) for values in found]


def close(found: Any, expected: Any) -> None:
    """Equal but for what float32 rounds away."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def assert_accessible(page: Any) -> None:
    """No violation that axe knows of, with the page as it stands."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run('.cutaway', { resultTypes: ['violations'] })")
    told = [
        f"{v['id']}: {n['html'][:160]} {n['failureSummary'][:300]}"
        for v in found["violations"]
        for n in v["nodes"]
    ]
    assert told == []


def assert_accessible_everywhere(page: Any) -> None:
    """As :func:`assert_accessible`, wide and narrow, light and dark, in both languages."""
    for language in ("zh", "en"):
        page.get_by_label("Language").or_(page.get_by_label("\u8bed\u8a00")).select_option(language)
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            for width in (390, 1440):
                page.set_viewport_size({"width": width, "height": 900})
                settled(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert_accessible(page)
