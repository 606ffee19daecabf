"""Real architectures at toy size, with random weights and a tokenizer trained on a handful of sentences."""

from __future__ import annotations

import json
from pathlib import Path

import toy_families

TEXTS = [
    "where is my parcel", "the parcel has not arrived", "my card was declined", "please refund the card payment",
    "how do I reset my password", "the login page does not load", "a short one", "荷物はどこですか", "パスワードを忘れました",
    "this is a somewhat longer sentence so that lengths differ a lot between the rows of one batch of texts",
]  # fmt: skip

SIZES = {"hidden": 32, "layers": 4, "heads": 4}
KINDS = ("bert", "distilbert", "gpt2", "llama")


def make_config(kind: str, vocabulary: int):
    import transformers as t

    h, n, a = SIZES["hidden"], SIZES["layers"], SIZES["heads"]
    if kind == "bert":
        return t.BertConfig(vocab_size=vocabulary, hidden_size=h, num_hidden_layers=n, num_attention_heads=a,
                            intermediate_size=64, max_position_embeddings=64)  # fmt: skip
    if kind == "distilbert":
        return t.DistilBertConfig(vocab_size=vocabulary, dim=h, n_layers=n, n_heads=a, hidden_dim=64,
                                  max_position_embeddings=64)  # fmt: skip
    if kind == "gpt2":
        return t.GPT2Config(vocab_size=vocabulary, n_embd=h, n_layer=n, n_head=a, n_positions=64, bos_token_id=2,
                            eos_token_id=3)  # fmt: skip
    if kind == "llama":
        return t.LlamaConfig(vocab_size=vocabulary, hidden_size=h, num_hidden_layers=n, num_attention_heads=a,
                             num_key_value_heads=2, intermediate_size=64, max_position_embeddings=64, bos_token_id=2,
                             eos_token_id=3, pad_token_id=0)  # fmt: skip
    if kind in ("qwen2", "qwen3"):
        config = t.Qwen2Config if kind == "qwen2" else t.Qwen3Config
        return config(vocab_size=vocabulary, hidden_size=h, num_hidden_layers=n, num_attention_heads=a, num_key_value_heads=2,
                      intermediate_size=64, max_position_embeddings=256, bos_token_id=None, eos_token_id=3, pad_token_id=0,
                      head_dim=8, tie_word_embeddings=kind == "qwen3")  # fmt: skip
    if kind == "albert":
        return t.AlbertConfig(vocab_size=vocabulary, embedding_size=16, hidden_size=h, num_hidden_layers=n,
                              num_attention_heads=a, intermediate_size=64, max_position_embeddings=64)  # fmt: skip
    return toy_families.config_of(kind, vocabulary, h, n, a)


def make_tokenizer(folder: Path) -> int:
    """Write a word-piece tokenizer into *folder*; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, words = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    # Not trained: a trainer's pieces and their order differ from run to run, and what a toy base learns with them.
    known = sorted({word for text in TEXTS for word, _ in words.pre_tokenize_str(normalizer.normalize_str(text))})
    letters = sorted(set("".join(known)))
    pieces = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *known])
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, words
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, "pad_token": "[PAD]", "unk_token": "[UNK]",
        "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer.get_vocab_size()


IMAGE_KINDS = ("vit", "convnext", "resnet", "mobilenet_v1", "mobilenet_v2", "swin", "dinov2")
SIDE = 32


def make_image_config(kind: str):
    import transformers as t

    h, n, a = SIZES["hidden"], SIZES["layers"], SIZES["heads"]
    widths = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, h]}
    return {
        "vit": lambda: t.ViTConfig(hidden_size=h, num_hidden_layers=n, num_attention_heads=a, intermediate_size=64,
                                   image_size=SIDE, patch_size=8),
        "convnext": lambda: t.ConvNextConfig(**widths, layer_scale_init_value=0.5),
        "resnet": lambda: t.ResNetConfig(**widths, embedding_size=8, layer_type="basic"),
        "mobilenet_v1": lambda: t.MobileNetV1Config(depth_multiplier=0.25, image_size=SIDE),
        "mobilenet_v2": lambda: t.MobileNetV2Config(depth_multiplier=0.25, image_size=SIDE),
        "swin": lambda: t.SwinConfig(image_size=SIDE, patch_size=2, embed_dim=8, depths=[1, 1, 1], num_heads=[2, 2, 2],
                                     window_size=4),
        "dinov2": lambda: t.Dinov2Config(hidden_size=h, num_hidden_layers=3, num_attention_heads=a, image_size=SIDE,
                                         patch_size=8, mlp_ratio=2),
    }[kind]()  # fmt: skip


def make_preparer(folder: Path) -> None:
    """Write how pictures are prepared: SIDE x SIDE, each colour around zero."""
    from transformers import ViTImageProcessorPil

    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def make_base(kind: str, folder: Path) -> Path:
    """Write a base of *kind* with random weights into *folder* and return it."""
    import torch
    from transformers import AutoModel

    if kind.endswith("-writes"):
        return make_writer(kind.removesuffix("-writes"), folder)
    if kind == "entailment":
        return make_judge(folder)
    folder.mkdir(parents=True)
    if kind in IMAGE_KINDS:
        make_preparer(folder)
        with torch.random.fork_rng():
            torch.manual_seed(7)
            AutoModel.from_config(make_image_config(kind)).save_pretrained(folder)
        return folder
    vocabulary = toy_families.write_tokenizer(kind, folder, TEXTS) or make_tokenizer(folder)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = AutoModel.from_config(make_config(kind, vocabulary))
    model.save_pretrained(folder)
    return folder


def toy_kind(task) -> str:
    """Return the kind of toy base that reads the rows of *task*."""
    if task.input_kind == "image":
        return "vit"
    return "llama-writes" if task.target_kind in ("text", "likelihood") else "bert"


def toy_task(name: str):
    """Open the task *name*, over its toy entries where its answers are some."""
    from hasei.tasks import open_task, over

    task = open_task(name)
    return over(task, task.toy().corpus)


def write_entries(path: Path, corpus) -> Path:
    """Write the entries of *corpus* as a file that a user may have."""
    entries = zip(corpus.ids, corpus.titles, corpus.texts)
    lines = [json.dumps({"_id": i, "title": t, "text": x}, ensure_ascii=False) for i, t, x in entries]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_writer(
    kind: str, folder: Path, template: str | None = CHATML, pad: str | None = "<pad>", vocabulary: int = 400
) -> Path:
    """Write a language model with its head and a byte-level tokenizer into *folder* and return it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True)
    special = ["<pad>", "<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )  # fmt: skip
    if kind == "llama":  # as Llama's: a first token before every text
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 256,
        "bos_token": "<s>",
        "eos_token": "</s>",
    }
    config |= ({"pad_token": pad} if pad else {}) | ({"chat_template": template} if template else {})
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    made = make_config(kind, tokenizer.get_vocab_size() + 2)  # some classes of tokenizers add a token of their own
    made.update({"n_positions" if kind == "gpt2" else "max_position_embeddings": 256})
    with torch.random.fork_rng():
        torch.manual_seed(7)
        AutoModelForCausalLM.from_config(made).save_pretrained(folder)
    return folder


def make_judge(folder: Path, labels: tuple[str, ...] = ("contradiction", "neutral", "entailment")) -> Path:
    """Write a classifier of pairs with random weights, whose outputs are *labels*, into *folder* and return it."""
    import torch
    from transformers import BertForSequenceClassification

    folder.mkdir(parents=True)
    config = make_config("bert", make_tokenizer(folder))
    config.id2label, config.label2id = dict(enumerate(labels)), {label: i for i, label in enumerate(labels)}
    with torch.random.fork_rng():
        torch.manual_seed(7)
        BertForSequenceClassification(config).save_pretrained(folder)
    return folder
