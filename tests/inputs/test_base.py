"""A base is found by the name a user gives it, identified by its content, and described without being run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import toy_families
import toys
from hasei.derive.order import order, read_steps
from hasei.engine.activations.probe import foresee
from hasei.engine.activations.store import Store
from hasei.engine.opening import load_model
from hasei.engine.trunk import Trunk
from hasei.ground.errors import BaseError
from hasei.inputs.architecture import describe, empty_model, find_stack, parameters_by_kind
from hasei.inputs.base import DEFAULT, Base
from made_up import ROWS, write_rows

ToyBase = Callable[[str], Path]


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture
def copied(toy_base: ToyBase, tmp_path: Path) -> Path:
    """A toy base that a test may change."""
    return Path(shutil.copytree(toy_base("bert"), tmp_path / "copied"))


# Found


def test_the_default_base_is_the_installed_package_and_says_where_it_comes_from() -> None:
    base = Base.open(DEFAULT)
    assert (base.name, base.hub) == ("all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2")
    assert base.licence == "Apache-2.0"
    assert base.revision  # the package's version
    assert base.commit == ""  # which means nothing to the hub
    assert (base.pooling, base.max_tokens) == ("mean", 256)
    assert base.size_bytes() == 90_868_376


def test_the_default_base_has_the_same_content_hash_at_every_opening_and_in_any_case() -> None:
    assert Base.open(DEFAULT).content_hash == Base.open("all-MiniLM-L6-v2").content_hash
    assert len(Base.open(DEFAULT).content_hash) == 64


def test_a_local_folder_is_a_base(toy_base: ToyBase) -> None:
    base = Base.open(toy_base("bert"))
    assert base == Base.open(str(toy_base("bert")))
    assert (base.hub, base.revision, base.licence, base.parents) == ("", "", "unknown", ())


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n", "Apache-2.0"),
        ("---\nlicense: 'mit'\n---\n", "MIT"),
        ("---\nlicense: llama3\n---\n", "llama3"),
        ("# A model\n\nlicense: mit\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_licence_is_what_the_model_card_states(copied: Path, card: str, licence: str) -> None:
    (copied / "README.md").write_text(card)
    assert Base.open(copied).licence == licence


def test_lineage_names_a_base_without_any_path_of_this_machine(copied: Path) -> None:
    lineage = Base.open(copied).to_lineage()
    assert lineage["name"] == "copied"
    assert str(copied.parent) not in json.dumps(lineage)
    assert lineage["content_hash"] == Base.open(copied).content_hash


@pytest.fixture
def cached(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put *copied* in the place of the hub's cache; returns what was asked of the hub's client."""
    import huggingface_hub

    snapshot = tmp_path / "snapshots" / ("0123456789" * 4)
    shutil.copytree(copied, snapshot)
    asked: list[dict[str, Any]] = []

    def download(hub: str, **options: Any) -> str:
        asked.append({"hub": hub, **options})
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_a_hub_id_in_the_local_cache_has_its_commit_as_revision(cached: list[dict[str, Any]]) -> None:
    base = Base.open("owner/model@v1")
    assert (base.name, base.hub, base.commit) == ("owner/model", "owner/model", "0123456789" * 4)
    assert [(a["hub"], a["revision"], a["local_files_only"]) for a in cached] == [("owner/model", "v1", True)]
    assert not [p for a in cached for p in a["allow_patterns"] if p.endswith((".bin", ".py", ".pt", "*"))]


def test_a_cache_that_holds_only_a_configuration_is_filled(
    cached: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "snapshots" / ("0123456789" * 4) / "model.safetensors").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(BaseError, match="has no weights"):  # this hub has none either
        Base.open("owner/model")
    assert [a.get("local_files_only", False) for a in cached] == [True, False]


# Identified


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_the_content_hash_changes_with_every_file_that_decides_what_is_computed(copied: Path, name: str) -> None:
    before = Base.open(copied).content_hash
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if name.endswith("s") else content + b"\n")
    assert Base.open(copied).content_hash != before


def test_neither_a_place_nor_a_card_changes_the_content_hash(copied: Path, toy_base: ToyBase) -> None:
    (copied / "README.md").write_text("# Another word about it\n")
    (copied / ".gitattributes").write_text("")
    assert Base.open(copied).content_hash == Base.open(toy_base("bert")).content_hash


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True}, "mean"), ({"pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"), ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "cls"}, "cls"), ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
    ],
)  # fmt: skip
def test_the_pooling_is_the_one_that_the_base_was_made_with(copied: Path, config: object, pooling: str) -> None:
    write_json(copied / "1_Pooling" / "config.json", config)
    assert Base.open(copied).pooling == pooling


@pytest.mark.parametrize(
    ("architectures", "pooling"), [(["BertModel"], "mean"), (["LlamaForCausalLM"], "last"), (None, "mean")]
)
def test_without_a_pooling_a_language_model_is_read_at_its_last_token(
    copied: Path, architectures: object, pooling: str
) -> None:
    config = json.loads((copied / "config.json").read_text()) | {"architectures": architectures}
    write_json(copied / "config.json", config)
    assert Base.open(copied).pooling == pooling


def test_the_longest_input_is_the_shortest_limit_that_the_base_states(copied: Path) -> None:
    assert Base.open(copied).max_tokens == 64  # its positions
    write_json(copied / "sentence_bert_config.json", {"max_seq_length": 48})
    assert Base.open(copied).max_tokens == 48
    tokenizer = json.loads((copied / "tokenizer_config.json").read_text())
    write_json(copied / "tokenizer_config.json", tokenizer | {"model_max_length": 32})
    assert Base.open(copied).max_tokens == 32
    write_json(copied / "tokenizer_config.json", tokenizer | {"model_max_length": 1e30})  # how "no limit" is written
    assert Base.open(copied).max_tokens == 48


# Described


@pytest.mark.parametrize("kind", [*toy_families.REPLAYED, *toy_families.RUN, "lstm", "gru"])
def test_the_kinds_of_parameters_of_every_family_add_up_to_all_of_them(toy_base: ToyBase, kind: str) -> None:
    base = Base.open(toy_base(kind))
    found, model = describe(base), load_model(base)
    kinds = {name: sum(counts.values()) for name, counts in found["parameters_by_kind"].items()}
    assert found["parameters"] == sum(kinds.values()) == sum(p.numel() for p in model.parameters())
    assert found["layers"] == (1 if kind == "albert" else toys.SIZES["layers"])
    assert found["hidden_size"] == toys.SIZES["hidden"]
    body = {"recurrent"} if kind in ("lstm", "gru") else {"attention"}
    moe = kind in ("mixtral", "qwen2_moe", "qwen3_moe")
    body |= {"expert", "router"} if moe else set() if "recurrent" in body else {"feed-forward"}
    assert body | {"embedding"} <= set(kinds)
    assert ("router" in kinds, "expert" in kinds, "recurrent" in kinds) == (moe, moe, kind in ("lstm", "gru"))


@pytest.mark.parametrize(("kind", "expert", "router"), [
    # of each of 4 layers: gate, up and down of 4 experts; one row of the router for each expert
    ("mixtral", 4 * 4 * 3 * 32 * 64, 4 * 4 * 32), ("qwen3_moe", 4 * 4 * 3 * 32 * 32, 4 * 4 * 32),
    # and one expert that every token reads, with a gate of its own
    ("qwen2_moe", 4 * (4 + 1) * 3 * 32 * 32, 4 * (4 + 1) * 32),
])  # fmt: skip
def test_experts_and_routers_are_counted_apart(toy_base: ToyBase, kind: str, expert: int, router: int) -> None:
    kinds = describe(Base.open(toy_base(kind)))["parameters_by_kind"]
    assert (kinds["expert"]["weights"], kinds["router"]["weights"]) == (expert, router)


@pytest.mark.parametrize("kind", [*toy_families.REPLAYED, *toy_families.RUN, "lstm"])
def test_whether_a_family_is_replayed_is_told_without_its_numbers(toy_base: ToyBase, kind: str, tmp_path: Path) -> None:
    base = Base.open(toy_base(kind))
    model = empty_model(base)
    foreseen = foresee(model, find_stack(model))
    assert foreseen == Trunk(base, Store(tmp_path)).probe.refusal
    assert bool(foreseen) == (kind in toy_families.RUN)


@pytest.mark.parametrize("kind", toys.KINDS)
def test_parameters_by_kind_are_those_of_the_real_model(toy_base: ToyBase, kind: str) -> None:
    base = Base.open(toy_base(kind))
    found, model = describe(base), load_model(base)
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    kinds = found["parameters_by_kind"]
    assert found["parameters"] == sum(sizes.values()) == sum(sum(c.values()) for c in kinds.values())
    assert sum(c["biases"] for c in kinds.values()) == sum(n for name, n in sizes.items() if name.endswith("bias"))
    assert {"embedding", "attention", "feed-forward", "normalisation"} <= set(kinds)
    norms = sum(n for name, n in sizes.items() if "norm" in name.lower() or ".ln_" in name or name.startswith("ln_"))
    assert sum(kinds["normalisation"].values()) == norms
    assert (found["layers"], found["hidden_size"]) == (toys.SIZES["layers"], toys.SIZES["hidden"])
    assert found["size_bytes"] == base.size_bytes() > 4 * found["parameters"]


def test_the_default_base_has_the_parameters_that_its_authors_state() -> None:
    found = describe(Base.open(DEFAULT))
    assert found["parameters"] == 22_713_216
    # 30,522 words, 512 positions and 2 types of 384 numbers each
    assert found["parameters_by_kind"]["embedding"] == {"weights": (30_522 + 512 + 2) * 384, "biases": 0}
    # in each of 6 layers: query, key, value and output
    assert found["parameters_by_kind"]["attention"] == {"weights": 6 * 4 * 384 * 384, "biases": 6 * 4 * 384}


def test_a_parameter_that_two_modules_share_is_counted_once() -> None:
    model = nn.Module()
    model.embed = nn.Embedding(10, 4)
    model.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
    model.out = nn.Linear(4, 10, bias=False)
    model.out.weight = model.embed.weight
    kinds = parameters_by_kind(model)
    assert kinds == {"embedding": {"weights": 40, "biases": 0}, "feed-forward": {"weights": 32, "biases": 8}}


def test_the_stack_is_found_by_its_size_and_not_by_its_name() -> None:
    model = nn.Module()
    model.decoys = nn.ModuleList([nn.Linear(2, 2) for _ in range(9)])
    model.inner = nn.Module()
    model.inner.whatever = nn.ModuleList([nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 30)) for _ in range(3)])
    assert (find_stack(model).path, len(find_stack(model))) == ("inner.whatever", 3)


def test_a_model_with_two_towers_or_without_layers_is_refused() -> None:
    towers = nn.Module()
    towers.left = nn.ModuleList([nn.Linear(30, 30) for _ in range(2)])
    towers.right = nn.ModuleList([nn.Linear(30, 30) for _ in range(2)])
    with pytest.raises(BaseError, match=r"two towers, 'left' and 'right'"):
        find_stack(towers)
    with pytest.raises(BaseError, match=r"no stack of layers.*Choose another base"):
        find_stack(nn.Linear(3, 3))


# Made by hasei


@pytest.fixture(scope="module")
def derived(toy_base: ToyBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder derived from a toy base."""
    place = tmp_path_factory.mktemp("derived")
    rows = write_rows(place / "tickets.csv", ROWS, ("message", "team"))
    steps = read_steps({"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}})
    columns = {"text": "message", "label": "team"}
    order(steps, rows, task="text_classification", columns=columns, base=toy_base("bert"), out=place / "model")
    return place / "model"


def test_a_model_made_by_hasei_is_a_base_that_knows_its_parent(derived: Path, toy_base: ToyBase) -> None:
    base, parent = Base.open(derived), Base.open(toy_base("bert"))
    assert [p["content_hash"] for p in base.parents] == [parent.content_hash]
    assert base.parents == (parent.to_lineage(),)
    assert describe(base)["parents"] == [parent.to_lineage()]
    assert base.licence == json.loads((derived / "hasei.json").read_text())["identity"]["licence"]
    assert (base.pooling, base.max_tokens) == (parent.pooling, parent.max_tokens)


def test_a_derived_model_can_be_derived_from_again(derived: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "tickets.csv", ROWS, ("message", "team"))
    steps = read_steps({"feature_extraction": {"layer": 3, "pooling": "mean", "l2": 0.01}})
    again = order(steps, rows, task="text_classification", base=derived, out=tmp_path / "again")
    assert [p["name"] for p in again.identity["parents"]] == ["model"]
    assert again.identity["parents"][0]["content_hash"] == Base.open(derived).content_hash


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"identity": {"parents": 5}}'])
def test_a_damaged_lineage_is_one_line(derived: Path, tmp_path: Path, content: str) -> None:
    place = Path(shutil.copytree(derived, tmp_path / "model"))
    (place / "hasei.json").write_text(content)
    with pytest.raises(BaseError, match=r"hasei\.json' can't be read.*Derive the model again"):
        Base.open(place)
