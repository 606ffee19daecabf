"""Texts from data (e2e_nlg) by a language model of a few million parameters, pretrained here, against the cheap truths.

There is no small pretrained language model on this machine, so one is pretrained first: a Llama of 2-3 M parameters with a
byte-level BPE on Tiny Shakespeare and the sentences (not the data) of the e2e train rows, for ``--pretrain`` seconds. Then
each cheap truth and each method is derived from ``--rows`` train rows and answers all of ``valid.csv``, none of which is
learnt from or chosen by. Figures are of folders loaded back. The official test file is not touched.

    python bench/generation.py --shared ../shared/data
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from hasei.derive import run
from hasei.derive.derived import write_model
from hasei.derive.recipe import make_step
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.ground import lineage
from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.tasks import arranged, open_task

TASK = open_task("text_generation")
STEPS = (
    ("majority", {}), ("nearest_answer", {}), ("zero_shot", {}), ("few_shot", {}), ("retrieval_augmented", {}),
    ("lora", {}), ("partial_fine_tuning", {"top_layers": 2}), ("full_fine_tuning", {}),
)  # fmt: skip


def pretrain(texts: list[str], folder: Path, seconds: float) -> dict[str, float]:
    """Write a small language model that has read *texts* for so many seconds."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
        "model_max_length": 512,
    }))  # fmt: skip
    ids = np.concatenate([[*tokenizer.encode(text).ids, 2] for text in texts])
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=2048, hidden_size=192, intermediate_size=512, num_hidden_layers=5, num_attention_heads=6,
        num_key_value_heads=6, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=True,
    ))  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, betas=(0.9, 0.95), weight_decay=0.05, fused=True)
    rng, start, step, losses = np.random.default_rng(0), time.monotonic(), 0, []
    while (spent := time.monotonic() - start) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * max(0.05, 1 - spent / seconds)
        batch = torch.tensor(np.stack([ids[i : i + 128] for i in rng.integers(0, len(ids) - 128, 16)]))
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        step += 1
    model.save_pretrained(folder)
    return {
        "parameters": sum(p.numel() for p in model.parameters()), "steps": step, "tokens": step * 2048,
        "loss": float(np.mean(losses[-50:])),
    }  # fmt: skip


def read(path: Path, limit: int | None = None) -> list[tuple[str, str]]:
    """Return (data, sentence) of the rows of an e2e file."""
    table = arranged(TASK, rooms.read(path, limit=limit))
    mapping = rooms.guess(table, TASK.columns).columns
    places = [table.columns.index(mapping[part]) for part in ("prompt", "answer")]
    found = [tuple(row[place] for place in places) for row in table.cells]
    return list(zip([p for p, _ in found], TASK.clean([a for _, a in found])[0]))


def bleu_of_all(said: dict[str, str], rows: list[tuple[str, str]]) -> tuple[float, float]:
    """BLEU and chrF of one text for each data, against all of its sentences (as published figures are)."""
    from sacrebleu.metrics import BLEU, CHRF

    by_data: dict[str, list[str]] = {}
    for prompt, answer in rows:
        by_data.setdefault(prompt, []).append(answer)
    most = max(map(len, by_data.values()))
    references = [[(r + [None] * most)[i] for r in by_data.values()] for i in range(most)]
    texts = [said[prompt] for prompt in by_data]
    return BLEU(force=True).corpus_score(texts, references).score, CHRF().corpus_score(texts, references).score


def main() -> None:
    """Pretrain, derive, answer, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--shared", type=Path, default=Path("../shared/data"))
    asked.add_argument("--pretrain", type=float, default=150.0)
    asked.add_argument("--rows", type=int, default=1500)
    asked.add_argument("--only", nargs="+", default=[name for name, _ in STEPS], help="what is derived")
    options = asked.parse_args()
    start = time.monotonic()
    train = read(options.shared / "e2e_nlg" / "train.csv")
    plays = (options.shared / "tiny_shakespeare" / "train.txt").read_text("utf-8").split("\n\n")
    valid = read(options.shared / "e2e_nlg" / "valid.csv")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shown = pretrain([*plays, *(answer for _, answer in train)], folder / "base", options.pretrain)
        print(f"base: {shown}", flush=True)
        trunk = reading_of(TASK).open(Base.open(folder / "base"), Store(folder / "store"))
        chosen = np.random.default_rng(0).choice(len(train), min(options.rows, len(train)), replace=False)
        rows = [train[i] for i in np.sort(chosen)]
        answers = [answer for _, answer in rows]
        space = TASK.space(answers)
        context = Context(
            TASK, space, [prompt for prompt, _ in rows], TASK.encode(space, answers), TASK.truth(answers),
            [prompt for prompt, _ in rows], trunks=(trunk,),
        )  # fmt: skip
        asked_of = list(dict.fromkeys(prompt for prompt, _ in valid))
        print(f"train {len(rows)} rows, valid {len(valid)} rows of {len(asked_of)} data")
        print(
            "| derived by | chrF | BLEU | ROUGE-L | BLEU, all references | chrF, all references | train s | ms an answer |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name, params in (step for step in STEPS if step[0] in options.only):
            ran = run.run_step(make_step(name, params), context)
            identity = lineage.Identity(
                format=ran.derivation.format, task=TASK.name, space={"width": 1, "names": [], "extra": []}, steps=[],
                recipe_id="", trial_id="", seed=0, parents=[trunk.base.to_lineage()], data={}, licence="", environment={},
            )  # fmt: skip
            model = write_model(folder / name, ran.derivation, identity, trunk.base, {})
            began = time.monotonic()
            said = dict(zip(asked_of, (item[0] for item in model.outputs(asked_of))))
            spent = (time.monotonic() - began) * 1000 / len(asked_of)
            texts, truth = [said[prompt] for prompt, _ in valid], [answer for _, answer in valid]
            single = [100 * TASK.metrics[m].value(texts, truth) for m in ("chrf", "bleu", "rouge_l")]
            every = bleu_of_all(said, valid)
            print(
                "| "
                + " | ".join([name, *(f"{v:.1f}" for v in (*single, *every)), f"{ran.seconds:.0f}", f"{spent:.0f}"])
                + " |"
            )
            print(f"  <!-- {asked_of[0]!r} -> {said[asked_of[0]]!r} -->", flush=True)
    print(f"{time.monotonic() - start:.0f} s in all, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
