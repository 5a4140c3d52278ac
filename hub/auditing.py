"""What is in a foreign model's files, and what would run if it were loaded the usual way.

Nothing is loaded: weights are read as data, pickles opcode by opcode, configs as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .cache import hash_file
from .errors import HubError, ReaderError
from .pickle_scan import looks_like_pickle, pickles_in_zip, scan_pickle
from .readers import open_reader
from .readers.tfjs import is_manifest, shard_names

LEVELS = ("note", "caution", "danger")
_MAX_TEXT = 64 << 20
_CODE = (".py", ".so", ".pyd", ".dll", ".sh", ".bat", ".exe", ".jar")
# Names under which pickles of the oldest form go, which does not say what it is.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_REMOTE_CODE = {
    "auto_map": "names Python code in the repository, which trust_remote_code runs",
    "custom_pipelines": "names Python code in the repository, which trust_remote_code runs",
    "trust_remote_code": "asks for code from the repository to be run",
    "_attn_implementation_internal": "names a repository of kernels that is downloaded and run",
}
_BUILTIN_MODULES = re.compile(r"(keras|builtins|keras_hub|isozoo)(\.|$)")
_KERAS_CODE = {
    "Lambda": "holds a Lambda layer, whose body is code",
    "__lambda__": "holds the bytes of a Python function",
    "TorchModuleWrapper": "holds a pickled module of torch",
    "TFSMLayer": "loads another program from a path",
}
# RuntimeError: members with a password, and JSON that is nested too deeply.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)
_KERAS_WEIGHTS = "model.weights.h5"
_URL = re.compile(r"https?://[^\s\"']+")


@dataclass
class Finding:
    """One thing that somebody should know of a file.

    Attributes:
        level: "note", "caution" or "danger".
        file: its name.
        what: in a sentence.
    """

    level: str
    file: str
    what: str


@dataclass
class FileReport:
    """One file: its form, size and hash, and for weights how many tensors and numbers."""

    name: str
    form: str
    size: int
    sha256: str
    tensors: int = 0
    parameters: int = 0
    dtypes: dict[str, int] = field(default_factory=dict)


@dataclass
class Audit:
    """What `audit` found.

    Attributes:
        subject: what was looked at.
        license: as its card says; "" where none does.
        files: the files, by name.
        findings: the worst first.
    """

    subject: str
    license: str = ""
    files: list[FileReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def level(self) -> str:
        """The worst level of a finding; "" without any."""
        found = [LEVELS.index(one.level) for one in self.findings]
        return LEVELS[max(found)] if found else ""

    def to_dict(self) -> dict[str, Any]:
        """Returns the audit as plain data."""
        return {**asdict(self), "level": self.level}


def audit(
    subject: str | os.PathLike[str], *, offline: bool | None = None, endpoint: str | None = None
) -> Audit:
    """Tells of the files of a model what they are, and what would run if they were loaded.

    Args:
        subject: a file, a folder, or `hf://org/name[@revision]`, whose files are fetched.
        offline: see `from_preset`.
        endpoint: the hub's address; the client's own when None.

    Raises:
        HubError: there is no such thing.
    """
    text = os.fspath(subject)
    beside = None
    if text.startswith("hf://"):
        # In the cache a file does not lie beside those that it names.
        beside = paths = _of_repository(text, offline, endpoint)
    else:
        path = Path(text).expanduser()
        if path.is_dir():
            names = sorted(p for p in path.rglob("*") if ".git" not in p.parts)
            paths = {p.relative_to(path).as_posix(): p for p in names if not p.is_dir()}
        elif path.exists():
            paths = {path.name: path}
        else:
            raise HubError(f"there is no file or folder {path}")
    found = Audit(text)
    numbers = _shards(paths)
    for name, path in paths.items():
        folder = name[: name.rfind("/") + 1]
        files = beside and {other.removeprefix(folder): at for other, at in beside.items()}
        _look_at(name, path, found, files, name in numbers)
    if not found.license and len(paths) > 1:
        found.findings.append(
            Finding("caution", "", "no file says under which licence it may be used")
        )
    found.findings.sort(key=lambda one: -LEVELS.index(one.level))
    return found


def _of_repository(name: str, offline: bool | None, endpoint: str | None) -> dict[str, Path]:
    """Fetches all files of a repository into the cache."""
    from .download import HubRepository, SourceFailed
    from .fetch import resolve
    from .preset import FileEntry, HuggingFace, Preset
    from .registry import source_of_name

    source = source_of_name(name)
    assert isinstance(source, HuggingFace)
    try:
        commit, files = HubRepository(source, endpoint).listing(source.revision)
    except SourceFailed as error:
        raise HubError(f"{name}: {error}") from error
    pinned = HuggingFace(source.repo_id, commit)
    entries: list[FileEntry] = []
    for file, remote in files.items():
        try:
            entries.append(remote.pins(file))
        except ValueError as error:
            raise HubError(f"{name}: {error}") from error
    preset = Preset(f"hf://{source.repo_id}@{commit}", "", "", "", tuple(entries), (pinned,))
    return dict(resolve(preset, offline=offline, endpoint=endpoint).paths)


def _shards(paths: dict[str, Path]) -> set[str]:
    """The files that a model.json of TensorFlow.js says hold its numbers."""
    found: set[str] = set()
    for name, path in paths.items():
        if name.endswith(".json") and path.is_file() and is_manifest(path):
            folder = name[: name.rfind("/") + 1]
            try:
                found |= {folder + shard for shard in shard_names(path)}
            except ReaderError:
                pass  # told when the file itself is looked at
    return found


def _look_at(
    name: str, path: Path, found: Audit, files: dict[str, Path] | None, numbers: bool
) -> None:
    if path.is_symlink() and not path.exists():
        found.findings.append(Finding("caution", name, "a link that leads nowhere"))
        return
    digests, form = hash_file(path), _form(path, name)
    if numbers and form == "pickle" and not scan_pickle(path.read_bytes()).imports:
        form = "numbers"  # whose name, or first bytes, are a pickle's by chance
    report = FileReport(name, form, digests.size, digests.sha256)
    found.files.append(report)
    tell = _teller(found, name)
    if not digests.size:
        tell("caution", "is empty")
    if name.endswith(_CODE):
        tell("caution", "is code; what loads it runs it")
    if name.endswith(("saved_model.pb", "keras_metadata.pb")):
        tell("danger", "is a program of TensorFlow's, which can read and write files")
    if report.form == "pickle":
        _pickle(path.read_bytes(), tell)
    elif report.form == "zip":
        _archive(path, tell)
    elif report.form == "npy":
        with open(path, "rb") as file:
            if b"|O" in file.read(256):
                tell("danger", "holds pickled objects among its numbers")
    elif name.endswith(".json"):
        _json(path, name, tell)
    elif name.endswith((".md", "LICENSE", "LICENSE.txt")):
        found.license = found.license or _license(path, name)
    if (
        report.form in ("safetensors", "gguf", "hdf5", "zip", "pickle")
        or name.endswith(".index.json")
        or (name.endswith(".json") and is_manifest(path))
    ):
        _weights(path, report, tell, files)


def _teller(found: Audit, name: str) -> Any:
    return lambda level, what: found.findings.append(Finding(level, name, what))


def _form(path: Path, name: str) -> str:
    with open(path, "rb") as file:
        head = file.read(16)
    if head[4:9] == b"\x00\x00\x00\x00{":
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(b"GGUF"):
        return "gguf"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if looks_like_pickle(head) or (name.endswith(_PICKLES) and head):
        return "pickle"
    return name.rpartition(".")[2].lower() if "." in name else "data"


def _weights(path: Path, report: FileReport, tell: Any, files: dict[str, Path] | None) -> None:
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            open_reader(_unpacked(path, report, folder), files) as reader,
        ):
            for key in reader:
                info = reader.info(key)
                count = 1
                for size in info.shape:
                    count *= size
                report.tensors += 1
                report.parameters += count
                report.dtypes[info.dtype] = report.dtypes.get(info.dtype, 0) + 1
    except ReaderError as error:
        if report.form in ("safetensors", "gguf"):
            tell("danger", f"is damaged, or made to deceive: {str(error).splitlines()[0][:200]}")
        else:
            tell("note", f"cannot be read as data here: {str(error).splitlines()[0][:200]}")
    except ImportError as error:
        tell("note", f"was not looked into: {error}")


def _unpacked(path: Path, report: FileReport, folder: str) -> Path:
    """Writes the weights of one of Keras's archives to a folder; returns that file, else `path`."""
    if report.form != "zip":
        return path
    try:
        with zipfile.ZipFile(path) as file:
            if not {"config.json", _KERAS_WEIGHTS} <= set(file.namelist()):
                return path
            # What an archive of plain numbers can hold bounds what is written.
            if file.getinfo(_KERAS_WEIGHTS).file_size > 2 * report.size + (1 << 20):
                return path
            inner = Path(folder, _KERAS_WEIGHTS)
            with file.open(_KERAS_WEIGHTS) as held, open(inner, "wb") as out:
                shutil.copyfileobj(held, out)
    except _DAMAGED:
        return path
    return inner


def _pickle(content: bytes, tell: Any, where: str = "") -> None:
    scan = scan_pickle(content)
    place = f" ({where})" if where else ""
    tell("caution", f"is a pickle{place}: a program that builds objects")
    if scan.unusual:
        tell("danger", f"would import{place} and may call: {', '.join(scan.unusual[:12])}")
    for problem in scan.problems:
        tell("danger", f"could not be looked through{place}: {problem}")


def _archive(path: Path, tell: Any) -> None:
    try:
        with zipfile.ZipFile(path) as file:
            for name in file.namelist()[:100_000]:
                if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
                    tell("danger", f"has a member that leaves its folder: {name[:80]!r}")
            for name, content in pickles_in_zip(file).items():
                _pickle(content, tell, name)
            if "config.json" in file.namelist():
                member = file.getinfo("config.json")
                if member.file_size > _MAX_TEXT:
                    tell("danger", f"its config.json claims {member.file_size} bytes")
                else:
                    _keras_config(json.loads(file.read(member)), tell)
    except (*_DAMAGED, OSError) as error:
        tell("danger", f"is a damaged archive: {str(error)[:120]}")


def _json(path: Path, name: str, tell: Any) -> None:
    if path.stat().st_size > _MAX_TEXT:
        tell("caution", "is a JSON file of over 64 MiB: it was not looked into")
        return
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        tell("caution", f"is no JSON: {str(error)[:80]}")
        return
    _keras_config(value, tell)
    for key, item in _entries(value):
        if key in _REMOTE_CODE and item not in (None, False, ""):
            tell("danger", f"{key} {_REMOTE_CODE[key]}")
        elif key == "chat_template":
            tell("note", "has a chat template: text in the language Jinja, which others run")
        elif isinstance(item, str) and len(item) < 2048:
            if _URL.search(item) and name.endswith("config.json"):
                tell("note", f"{key} is an address: {item[:100]}")
            elif item.startswith(("/", "~/")) and len(item) > 3 and "/" in item[1:]:
                tell("note", f"{key} is a path of a machine: {item[:100]}")


def _keras_config(value: Any, tell: Any) -> None:
    for node in _objects(value):
        kind, module = node.get("class_name"), node.get("module")
        if isinstance(kind, str) and kind in _KERAS_CODE:
            tell("danger", _KERAS_CODE[kind])
        elif isinstance(module, str) and isinstance(kind, str):
            if not _BUILTIN_MODULES.match(module):
                tell("danger", f"names {module}.{kind}, which would be imported")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack += item.values()
        elif isinstance(item, list):
            stack += item


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    for node in _objects(value):
        yield from node.items()


def _license(path: Path, name: str) -> str:
    with open(path, "rb") as file:
        text = file.read(1 << 20).decode("utf-8", errors="replace")
    if name.endswith(".md"):
        match = re.search(r"^license: *[\"']?([\w.+-]+)", text, re.MULTILINE)
        return match[1] if match else ""
    return text.strip().splitlines()[0][:80] if text.strip() else ""
