"""Every base that hasei refuses before a library loads it: one line that says what is wrong and what to do; exit code 2."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from hasei.engine.trunk import Trunk
from hasei.ground.errors import BaseError
from hasei.inputs.architecture import describe
from hasei.inputs.base import Base

Damage = Callable[[Path], object]
WEIGHTS = "model.safetensors"


def has(name: str, text: str) -> Damage:
    """The file *name* holds *text*."""

    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return write


def config(**keys: object) -> Damage:
    """config.json also holds *keys*."""

    def write(folder: Path) -> None:
        kept = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(kept | keys))

    return write


def lacks(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def weights(change: Callable[[bytes], bytes]) -> Damage:
    return lambda folder: (folder / WEIGHTS).write_bytes(change((folder / WEIGHTS).read_bytes()))


def header(value: object, content: bytes = b"1234") -> Damage:
    """The weights are of this header, which is not what the format promises, and *content*."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return weights(lambda _: struct.pack("<Q", len(text)) + text + content)


def tensor(**entries: object) -> Damage:
    return header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | entries})


def only_pickle(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def with_head(labels: int, rows: int, **keys: object) -> Damage:
    """The base is a classifier whose head has *rows* rows for *labels* labels."""

    def write(folder: Path) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        head = {"classifier.weight": torch.zeros(rows, 32), "classifier.bias": torch.zeros(rows)}
        save_file(load_file(folder / WEIGHTS) | head, folder / WEIGHTS, metadata={"format": "pt"})
        config(**(keys or {"id2label": {str(i): f"label {i}" for i in range(labels)}}))(folder)

    return write


BAD: list[tuple[str, Damage, tuple[str, ...]]] = [
    ("no weights", lacks(WEIGHTS), ("has no weights", "*.safetensors", "fetch the whole model")),
    ("only pickle weights", only_pickle, ("can run code when opened", "pytorch_model.bin", "convert")),
    ("truncated weights", weights(lambda w: w[:-100]), (WEIGHTS, "truncated", "bytes", "fetch it again")),
    ("weights cut within the header", weights(lambda w: w[:1000]), (WEIGHTS, "damaged", "ends within its header")),
    ("weights of three bytes", weights(lambda w: w[:3]), (WEIGHTS, "damaged", "ends within its header")),
    ("empty weights", weights(lambda w: b""), (WEIGHTS, "damaged")),
    ("weights with more behind them", weights(lambda w: w + b"x"), (WEIGHTS, "damaged", "bytes")),
    ("a header that is a list", header([]), (WEIGHTS, "no JSON object")),
    ("a header of brackets", header(b"[" * 200_000), (WEIGHTS, "damaged")),
    ("a tensor of an unknown type", tensor(dtype="F33"), (WEIGHTS, "damaged", "F33")),
    ("a tensor larger than its place", tensor(shape=[2]), (WEIGHTS, "damaged", "invalid")),
    ("a tensor of negative size", tensor(shape=[-1]), (WEIGHTS, "damaged")),
    ("a tensor without a place", tensor(data_offsets=[]), (WEIGHTS, "damaged")),
    ("a part of the weights", has(f"{WEIGHTS}.index.json", '{"weight_map": {"a": "model-2.safetensors"}}'),
     ("lacks 1 of its weight files", "model-2.safetensors", "fetch it again")),
    ("a head with more rows than labels", with_head(3, 5), ("head", "expected 3 rows", "classifier.weight", "[5, 32]")),
    ("a head with fewer rows than labels", with_head(3, 2), ("head", "expected 3 rows", "[2, 32]")),
    ("a head that does not fit a bare count", with_head(0, 5, num_labels=4), ("head", "expected 4 rows")),
    ("code of its own for the model", config(auto_map={"AutoModel": "theirs.Model"}),
     ("run code of its own", "'auto_map' in config.json", "part of transformers")),
    ("code of its own for the tokenizer", has("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["a.B", null]}}'),
     ("run code of its own", "'auto_map' in tokenizer_config.json")),
    ("code of its own for generation", has("generation_config.json", '{"custom_generate": "owner/code"}'),
     ("run code of its own", "generation_config.json")),
    ("a module of its own", has("modules.json", '[{"type": "theirs.Module", "path": ""}]'),
     ("run code of its own", "'theirs.Module' in modules.json")),
    ("modules that are no list", has("modules.json", "{}"), ("modules.json", "a list of modules")),
    ("attention code from the hub", config(attn_implementation="owner/kernel"), ("key", "'attn_implementation'")),
    ("attention code under another key", config(_attn_implementation_internal="owner/kernel"), ("key", "'_attn_impl")),
    ("an unknown key", config(hiden_size=3), ("key that its architecture 'bert' does not have", "'hiden_size'")),
    ("packed weights", config(quantization_config={"quant_method": "x"}), ("is quantised already", "quantization_config")),
    ("an unknown architecture", config(model_type="bertt"), ("does not know", "'bertt'", "did you mean 'bert'?")),
    ("no architecture", config(model_type=None), ("does not know", "None", "check where")),
    ("an architecture that is a list", config(model_type=["bert"]), ("does not know", "['bert']")),
    ("a size that is no number", config(hidden_size="many"), ("does not fit its architecture", "hidden_size", "'many'")),
    ("labels that are a list", config(id2label=["a"]), ("does not fit its architecture",)),
    ("no config", lacks("config.json"), ("has no config.json", "transformers format")),
    ("an adapter", lambda f: (f / "config.json").rename(f / "adapter_config.json"), ("is an adapter", "belongs to")),
    ("a config that is no JSON", has("config.json", "{"), ("'config.json'", "not valid JSON", "line 1")),
    ("a config of brackets", has("config.json", "[" * 100_000), ("'config.json'", "not valid JSON")),
    ("a config that is a list", has("config.json", "[]"), ("'config.json'", "a JSON object", "list")),
    ("a config in UTF-16", lambda f: (f / "config.json").write_text("{}", "utf-16"), ("'config.json'", "not valid JSON")),
    ("no tokenizer", lacks("tokenizer.json"), ("has no tokenizer", "tokenizer.json")),
    ("a tokenizer config that is no JSON", has("tokenizer_config.json", "{"), ("'tokenizer_config.json'", "valid JSON")),
    ("a longest input that is no JSON", has("sentence_bert_config.json", "{"), ("'sentence_bert_config.json'", "valid JSON")),
    ("a pooling that is a list", has("1_Pooling/config.json", "[]"), ("a JSON object", "fetch it again")),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_base_is_refused_in_one_line_that_helps(
    toy_base: Callable[[str], Path], tmp_path: Path, damage: Damage, words: tuple[str, ...]
) -> None:
    folder = Path(shutil.copytree(toy_base("bert"), tmp_path / "a-base"))
    Base.open(folder)
    damage(folder)
    with pytest.raises(BaseError) as caught:
        Base.open(folder)
    line = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in line and "a-base" in line
    assert caught.value.do
    assert not [word for word in words if word.casefold() not in line.casefold()], line


PUBLISHED = {
    "deberta": (
        "position_buckets",
        "norm_rel_ebd",
        "share_att_key",
        "pos_att_type",
        "pooler_hidden_size",
        "conv_kernel_size",
    ),
    "modernbert": ("global_attn_every_n_layers", "global_rope_theta", "local_rope_theta", "repad_logits_with_grad"),
    "t5": ("n_positions", "feed_forward_proj", "output_past", "tie_word_embeddings", "is_gated_act", "dense_act_fn"),
    "gemma2": ("cache_implementation", "hidden_act", "query_pre_attn_scalar", "sliding_window_size"),
    "gemma3": ("_sliding_window_pattern", "rope_local_base_freq", "use_bidirectional_attention"),
    "albert": ("net_structure_type", "down_scale_factor", "num_memory_blocks", "gap_size"),
    "qwen2": ("use_mrope", "max_window_layers"),
    "qwen3_moe": ("decoder_sparse_step", "mlp_only_layers", "norm_topk_prob", "router_aux_loss_coef"),
}
"""Keys that stand in published configurations of these families, and that their classes do not all declare."""


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_key_of_published_configurations_is_no_reason_to_refuse(
    toy_base: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    folder = Path(shutil.copytree(toy_base(kind), tmp_path / "a-base"))
    kept = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(dict.fromkeys(PUBLISHED[kind]) | kept))
    assert Base.open(folder).config.keys() >= set(PUBLISHED[kind])


@pytest.mark.parametrize("kind", ["deberta", "mixtral", "t5", "lstm"])
@pytest.mark.parametrize("key", [
    "_attn_implementation", "attn_implementation", "experts_implementation", "_experts_implementation",
    "quantization_config", "hiden_size", "trust_remote_code",
])  # fmt: skip
def test_no_source_makes_a_key_that_can_fetch_code_known(
    toy_base: Callable[[str], Path], tmp_path: Path, kind: str, key: str
) -> None:
    folder = Path(shutil.copytree(toy_base(kind), tmp_path / "a-base"))
    config(**{key: "owner/kernel"})(folder)
    with pytest.raises(BaseError, match=key):
        Base.open(folder)


def test_a_head_that_fits_its_labels_is_no_reason_to_refuse(toy_base: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_base("bert"), tmp_path / "a-base"))
    with_head(3, 3)(folder)
    assert describe(Base.open(folder))["layers"] == 4


def test_no_code_of_the_folder_is_run_by_opening_it(toy_base: Callable[[str], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_base("bert"), tmp_path / "a-base"))
    hostile = f"open({str(tmp_path / 'was-run')!r}, 'w')\n"
    for name in ("modeling_theirs.py", "configuration_theirs.py", "__init__.py", "tokenization_theirs.py"):
        (folder / name).write_text(hostile)
    Trunk(Base.open(folder))
    config(auto_map={"AutoModel": "modeling_theirs.Model", "AutoConfig": "configuration_theirs.Config"})(folder)
    with pytest.raises(BaseError):
        Base.open(folder)
    assert not (tmp_path / "was-run").exists()


def only_pieces(folder: Path) -> None:
    """Of the tokenizer there is only its list of pieces."""
    pieces = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(pieces))


def more_pieces(folder: Path) -> None:
    """The tokenizer knows 50 tokens that the model has no vectors for."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    pieces = tokenizer["model"]["vocab"]
    pieces |= {f"piece{n}": len(pieces) + n for n in range(50)}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (only_pieces, r"tokenizer.*can't be loaded; expected a whole tokenizer\.json"),
        (has("tokenizer.json", '{"version": "1.0"}'), r"tokenizer.*can't be loaded; expected a whole tokenizer\.json"),
        (has("tokenizer.json", "{"), r"tokenizer.*can't be loaded; expected a whole tokenizer\.json"),
        (more_pieces, r"does not fit its model; expected at most [\d,]+ tokens; received"),
        (config(vocab_size=50), r"do not have the sizes that its config\.json states"),
        (config(num_hidden_layers=6), r"lacks \d+ of its weights; received no encoder\.layer\.4"),
        (config(num_hidden_layers=0), "no stack of layers"),
    ],
)
def test_a_base_that_can_not_be_loaded_is_one_line(
    toy_base: Callable[[str], Path], tmp_path: Path, damage: Damage, words: str
) -> None:
    folder = Path(shutil.copytree(toy_base("bert"), tmp_path / "a-base"))
    damage(folder)
    with pytest.raises(BaseError, match=words) as caught:
        Trunk(Base.open(folder))
    assert "\n" not in str(caught.value) and caught.value.do and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (config(num_attention_heads=5), "not a multiple"),
        (config(hidden_act="os.system"), "os.system"),
        (config(num_hidden_layers=0), "no stack of layers"),
    ],
)
def test_a_base_that_no_model_can_be_made_of_is_said_when_it_is_described(
    toy_base: Callable[[str], Path], tmp_path: Path, damage: Damage, words: str
) -> None:
    folder = Path(shutil.copytree(toy_base("bert"), tmp_path / "a-base"))
    damage(folder)
    with pytest.raises(BaseError, match=words) as caught:
        describe(Base.open(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "towers"), [("bart", ("encoder", "decoder")), ("clip", ("text_model", "vision_model"))]
)
def test_a_model_of_two_towers_is_refused_and_both_are_named(
    toy_base: Callable[[str], Path], kind: str, towers: tuple[str, ...]
) -> None:
    for opening in (describe, Trunk):
        with pytest.raises(BaseError, match="two towers") as caught:
            opening(Base.open(toy_base(kind)))
        assert all(tower in str(caught.value) for tower in towers) and caught.value.do


# Names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-base", ("no base model 'no-such-base'", "a folder, an installed package or a hub id", "all-minilm-l6-v2")),
        ("all-minilm-l6-v3", ("no base model", "did you mean 'all-minilm-l6-v2'?")),
        ("./not/there/at-all", ("no base model", "a folder")),
        ("https://hub/owner/model", ("no base model", "hub id owner/name")),
        ("", ("no base model ''",)),
        ("owner/model", ("'owner/model'", "not in the local cache", "can't be reached", "network")),
        ("owner/model@v2", ("'owner/model' at revision 'v2'", "can't be reached")),
        ("owner/..", ("'owner/..'", "check the name")),
    ],
)  # fmt: skip
def test_a_name_that_is_no_base_is_one_line_and_no_network_is_needed_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BaseError) as caught:
        Base.open(name)
    line = str(caught.value)
    assert "\n" not in line
    assert not [word for word in words if word.casefold() not in line.casefold()], line


def test_a_file_is_no_base(toy_base: Callable[[str], Path]) -> None:
    with pytest.raises(BaseError, match=r"is a file; expected a folder.*Give the folder"):
        Base.open(toy_base("bert") / WEIGHTS)


@pytest.mark.parametrize("kind", ["package", "folder"])
def test_a_revision_of_what_has_none_is_refused_and_not_ignored(toy_base: Callable[[str], Path], kind: str) -> None:
    name = "all-minilm-l6-v2" if kind == "package" else toy_base("bert")
    with pytest.raises(BaseError, match=r"has no revisions.*received revision 'v2'.*Leave it out"):
        Base.open(name, "v2")


@pytest.mark.parametrize("raised", [ConnectionError("no route"), ValueError("not a name"), RuntimeError("a proxy")])
def test_whatever_the_network_raises_is_one_line(monkeypatch: pytest.MonkeyPatch, raised: Exception) -> None:
    import huggingface_hub

    def download(*_: object, **__: object) -> str:
        raise raised

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(BaseError, match=r"the base 'owner/model' is not in the local cache.*Check the name"):
        Base.open("owner/model")
