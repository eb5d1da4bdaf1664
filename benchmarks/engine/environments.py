"""The engines of others, each in an environment of its own, versions pinned in one table."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ENVIRONMENTS", "Environment", "NotInstalled", "install", "python_of"]

_TORCH = "torch==2.13.0"


class NotInstalled(Exception):
    """Says why an environment could not be made."""


@dataclass(frozen=True)
class Environment:
    """What pip installs.

    Attributes:
        pins: packages with their versions.
        from_source: of these, the one that is compiled here for this processor.
        variables: that its build is given.
        unwanted: packages that come along and do harm.
    """

    pins: tuple[str, ...]
    from_source: str = ""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    unwanted: tuple[str, ...] = ()


ENVIRONMENTS = {
    "transformers": Environment((_TORCH, "transformers==5.24.0")),
    "openvino": Environment(
        (_TORCH, "openvino==2026.4.1", "nncf==3.4.0", "optimum-intel==2.2.0"),
        unwanted=("torchvision",),  # built for another torch; transformers imports it if it can
    ),
    "llama": Environment(
        ("llama-cpp-python==0.3.36", "gguf==0.19.0", "safetensors"),
        from_source="llama-cpp-python",
        variables={"CMAKE_ARGS": "-DGGML_NATIVE=ON"},
    ),
    "onnxruntime": Environment(
        (_TORCH, "onnxruntime==1.32.0", "onnx==1.23.2", "optimum-onnx==0.1.0")
    ),
    "ctranslate2": Environment((_TORCH, "ctranslate2==4.8.5", "transformers==4.57.6")),
}


def python_of(name: str, work: Path) -> Path:
    """The interpreter of an environment; that of this process for our own engine."""
    return work / name / "bin" / "python" if name else Path(sys.executable)


def install(name: str, work: Path) -> None:
    """Makes an environment unless it is there with these very pins.

    Raises:
        NotInstalled: with the last lines of what pip said.
    """
    wanted = ENVIRONMENTS[name]
    stamp = work / name / "installed.txt"
    pins = "\n".join(wanted.pins) + "\n"
    if stamp.exists() and stamp.read_text() == pins:
        return
    print(f"Installing {name} into {work / name} (once) ...", file=sys.stderr)
    work.mkdir(parents=True, exist_ok=True)
    pip = [str(python_of(name, work)), "-m", "pip"]
    source = ["--no-binary", wanted.from_source] if wanted.from_source else []
    _run([sys.executable, "-m", "venv", "--clear", str(work / name)])
    # torch first and by itself: so that nothing fetches another build of it.
    for group in ([_TORCH] if _TORCH in wanted.pins else [], list(wanted.pins)):
        if group:
            _run([*pip, "install", "--quiet", *source, *group], wanted.variables)
    for package in wanted.unwanted:
        _run([*pip, "uninstall", "--quiet", "--yes", package])
    stamp.write_text(pins)


def _run(command: list[str], variables: dict[str, str] | None = None) -> None:
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise NotInstalled(" / ".join(lines) or f"{command[0]} gave {done.returncode}")
