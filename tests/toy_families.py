"""Text families beyond the first ones at toy size: their configurations, and tokenizers of the kinds that they come with."""

from __future__ import annotations

import json
from pathlib import Path

POSITIONS = 64
BYTE_LEVEL = (
    "gpt2_bytes", "roberta", "mpnet", "modernbert", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "bart",
)  # fmt: skip
UNIGRAM = ("t5", "mt5", "deberta")
BYTE_FALLBACK = ("llama_bytes", "mixtral", "gemma2", "gemma3", "gemma3n", "gemma4")

REPLAYED = (
    "bert", "distilbert", "gpt2_bytes", "llama_bytes", "roberta", "mpnet", "electra", "deberta", "modernbert", "t5", "mt5",
    "qwen2", "qwen3", "gemma2", "gemma3", "mixtral", "qwen2_moe", "qwen3_moe",
)  # fmt: skip
"""Families whose layers are replayed from the activation store."""
RUN = ("albert", "gemma3n", "gemma4")
"""Families that are opened, but whose layers share weights, or keys and values."""


def config_of(kind: str, vocabulary: int, hidden: int, layers: int, heads: int):
    import transformers as t

    sizes = {"vocab_size": vocabulary, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
             "intermediate_size": 64, "max_position_embeddings": POSITIONS}  # fmt: skip
    decoder = sizes | {"num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    t5 = {"vocab_size": vocabulary, "d_model": hidden, "d_kv": 8, "d_ff": 64, "num_layers": layers, "num_heads": heads,
          "pad_token_id": 0, "eos_token_id": 1}  # fmt: skip
    narrow = {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    offset = sizes | {"max_position_embeddings": POSITIONS + 2, "pad_token_id": 1}
    towers = {"hidden_size": hidden, "intermediate_size": 64, "num_hidden_layers": layers, "num_attention_heads": heads}
    makers = {
        "roberta": lambda: t.RobertaConfig(**offset, type_vocab_size=1, bos_token_id=0, eos_token_id=2),
        "mpnet": lambda: t.MPNetConfig(**offset, bos_token_id=0, eos_token_id=2),
        "electra": lambda: t.ElectraConfig(**sizes, embedding_size=16),
        "deberta": lambda: t.DebertaV2Config(
            **sizes, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm", share_att_key=True,
            pos_att_type=["p2c", "c2p"], conv_kernel_size=3, conv_act="gelu", position_biased_input=False,
            type_vocab_size=0,
        ),
        "modernbert": lambda: t.ModernBertConfig(
            **sizes, global_attn_every_n_layers=3, local_attention=8, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            cls_token_id=0, sep_token_id=2,
        ),
        "gpt2_bytes": lambda: t.GPT2Config(
            vocab_size=vocabulary, n_embd=hidden, n_layer=layers, n_head=heads, n_positions=POSITIONS, bos_token_id=3,
            eos_token_id=3,
        ),
        "llama_bytes": lambda: t.LlamaConfig(**decoder),
        "t5": lambda: t.T5Config(**t5),
        "mt5": lambda: t.MT5Config(**t5),
        "qwen2": lambda: t.Qwen2Config(**decoder),
        "qwen3": lambda: t.Qwen3Config(**decoder, head_dim=8),
        "gemma2": lambda: t.Gemma2Config(**decoder, **narrow),
        "gemma3": lambda: t.Gemma3TextConfig(**decoder, **narrow),
        "gemma3n": lambda: t.Gemma3nTextConfig(
            **decoder, head_dim=8, sliding_window=8, vocab_size_per_layer_input=vocabulary, hidden_size_per_layer_input=8,
            num_kv_shared_layers=2, layer_types=["sliding_attention", "full_attention"] * (layers // 2), laurel_rank=4,
            activation_sparsity_pattern=[0.0] * layers, altup_num_inputs=2,
        ),
        "gemma4": lambda: t.Gemma4TextConfig(
            **decoder, head_dim=8, global_head_dim=8, sliding_window=8, vocab_size_per_layer_input=vocabulary,
            hidden_size_per_layer_input=8, num_kv_shared_layers=2,
            layer_types=["sliding_attention", "full_attention"] * (layers // 2),
        ),
        "mixtral": lambda: t.MixtralConfig(**decoder, num_local_experts=4, num_experts_per_tok=2),
        "qwen2_moe": lambda: t.Qwen2MoeConfig(**decoder, **experts, shared_expert_intermediate_size=32),
        "qwen3_moe": lambda: t.Qwen3MoeConfig(**decoder, **experts, head_dim=8),
        "bart": lambda: t.BartConfig(
            vocab_size=vocabulary, d_model=hidden, encoder_layers=layers, decoder_layers=layers, max_position_embeddings=64,
            encoder_attention_heads=heads, decoder_attention_heads=heads, encoder_ffn_dim=64, decoder_ffn_dim=64,
            pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
        ),
        "clip": lambda: t.CLIPConfig(
            text_config=towers | {"vocab_size": vocabulary, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0},
            vision_config=towers | {"image_size": 32, "patch_size": 8},
        ),
    }  # fmt: skip
    if kind in ("lstm", "gru"):
        from hasei.inputs.recurrent import RecurrentConfig

        return RecurrentConfig(vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, cell=kind)
    if kind not in makers:
        raise ValueError(kind)
    return makers[kind]()


def write_tokenizer(kind: str, folder: Path, texts: list[str]) -> int:
    """Write a tokenizer of the sort that bases of *kind* come with into *folder*; returns the size of its vocabulary.

    Writes nothing and returns 0 where that sort is the word pieces of all other toys.
    """
    make = next((make for kinds, make in _SORTS if kind in kinds), None)
    if make is None:
        return 0
    tokenizer, config = make(kind, texts)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": POSITIONS} | config
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer.get_vocab_size()


def _byte_level(kind: str, texts: list[str]):
    """Bytes as letters; decoders add nothing to a text and GPT-2 has no padding token, RoBERTa puts <s> and </s> around it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["<s>", "<pad>", "</s>", "<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if kind in ("roberta", "mpnet", "modernbert", "bart"):
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        return tokenizer, {
            "pad_token": "<pad>",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
        }
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    # Embedding models of the Qwen kind are published with padding on the left.
    return tokenizer, {"eos_token": "<|endoftext|>"} | (
        {} if kind == "gpt2_bytes" else {"pad_token": "<pad>", "padding_side": "left"}
    )


def _unigram(kind: str, texts: list[str]):
    """Pieces with their probabilities, spaces as a letter; T5 ends a text with </s>, DeBERTa puts [CLS] and [SEP] around it."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    names = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] if kind == "deberta" else ["<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=200, special_tokens=names, unk_token=names[-1], show_progress=False)
    )
    # In an order of their own and rounded: a trainer's differ from run to run.
    found = json.loads(tokenizer.to_str())["model"]["vocab"][len(names) :]
    pieces = [(name, 0.0) for name in names] + sorted(((p, round(s, 2)) for p, s in found), key=lambda x: (-x[1], x[0]))
    tokenizer.model = models.Unigram(pieces, unk_id=len(names) - 1)
    if kind == "deberta":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        return tokenizer, {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer, {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def _byte_fallback(kind: str, texts: list[str]):
    """Pieces merged as in SentencePiece's BPE, unknown letters as bytes; <s> before a text; Llama has no padding token."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

    special = ["<pad>", "<s>", "</s>", "<unk>", *(f"<0x{n:02X}>" for n in range(256))]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    pad = {} if kind in ("llama_bytes", "mixtral") else {"pad_token": "<pad>"}
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"} | pad


_SORTS = ((BYTE_LEVEL, _byte_level), (UNIGRAM, _unigram), (BYTE_FALLBACK, _byte_fallback))
