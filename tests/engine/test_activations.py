from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hasei.engine.activations import replay
from hasei.engine.activations.probe import probe
from hasei.engine.activations.store import Store
from hasei.engine.pooled import last_states, pool
from hasei.engine.trunk import TOLERANCE, Trunk
from hasei.ground.events import Watch
from hasei.ground.language import speaking
from hasei.inputs.base import Base
from toy_families import REPLAYED
from toys import TEXTS


@pytest.fixture(params=REPLAYED)
def trunk(request, toy_base, tmp_path):
    return Trunk(Base.open(toy_base(request.param)), Store(tmp_path / "store"))


def _batch(trunk):
    tokens = trunk.tokenize(TEXTS)
    return tokens.pad(np.arange(len(TEXTS)), trunk.pad_id)


def test_replay_from_every_layer_equals_the_plain_model(trunk):
    batch = _batch(trunk)
    for layer in range(1, trunk.layers):
        assert replay.self_check(trunk.model, trunk.stack, trunk.probe, batch, layer) <= TOLERANCE


def test_replay_of_kept_states_repadded_in_another_company_equals_the_plain_model(trunk):
    trunk.prepare(TEXTS)
    states = trunk.states(TEXTS, 2)
    assert states is not None
    chosen = np.array([6, 0, 9])
    batch = trunk.corpus.tokens.pad(states.rows[chosen], trunk.pad_id)
    mask = batch["attention_mask"].bool()
    with torch.no_grad():
        plain = last_states(trunk.model, batch)
        with replay.replaying(trunk.stack, trunk.probe, 2) as replayed:
            replayed.states = states.pad(chosen)
            again = last_states(trunk.model, batch)
    # The file holds 16 bits: a thousandth of the spread, far below what training itself perturbs.
    assert (plain - again)[mask].abs().max() <= 2e-3 * plain[mask].std()


def test_gradients_through_replay_equal_those_of_the_plain_model(trunk):
    batch = _batch(trunk)
    top = [p for n, p in trunk.model.named_parameters() if n in trunk.probe.trainable_from(2)]
    for parameter in top:
        parameter.requires_grad_(True)
    mask = batch["attention_mask"].unsqueeze(-1)
    states = replay.capture(trunk.model, trunk.stack, batch, {2})[2] * mask
    plain = torch.autograd.grad((last_states(trunk.model, batch) * mask).square().sum(), top, allow_unused=True)
    with replay.replaying(trunk.stack, trunk.probe, 2) as replayed:
        replayed.states = states
        again = torch.autograd.grad((last_states(trunk.model, batch) * mask).square().sum(), top, allow_unused=True)
    for one, other in zip(plain, again):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, rtol=1e-4, atol=1e-5 * float(one.abs().max()) + 1e-8)


def test_the_model_is_as_before_after_replaying(trunk):
    batch = _batch(trunk)
    before = last_states(trunk.model, batch)
    replay.self_check(trunk.model, trunk.stack, trunk.probe, batch, 2)
    assert torch.equal(before, last_states(trunk.model, batch))


def test_pooled_features_of_every_layer_equal_hidden_states_of_the_model(trunk):
    batch = _batch(trunk)
    with torch.no_grad():
        hidden = trunk.model(**batch, output_hidden_states=True).hidden_states
    trunk.prepare(TEXTS)
    for layer in range(trunk.layers):
        expected = pool(hidden[layer], batch["attention_mask"], "mean").numpy()
        np.testing.assert_allclose(trunk.pooled(TEXTS, layer, "mean"), expected, atol=2e-3 * np.abs(expected).max())


def test_rows_are_computed_once_and_shared_between_processes_and_runs(toy_base, tmp_path, monkeypatch):
    base = Base.open(toy_base("bert"))
    first = Trunk(base, Store(tmp_path)).pooled(TEXTS, 2, "mean")
    second = Trunk(base, Store(tmp_path))
    monkeypatch.setattr(replay, "capture", lambda *_: pytest.fail("the trunk was run again"))
    np.testing.assert_array_equal(first, second.pooled(TEXTS, 2, "mean"))


def test_two_processes_that_fill_one_file_at_once_both_get_what_one_alone_gets(toy_base, tmp_path):
    import os
    import subprocess
    import sys

    base, outputs = toy_base("bert"), [tmp_path / "1.npy", tmp_path / "2.npy"]
    code = (  # one process imports what is needed and becomes two, which so begin at the same moment
        "import os, sys; from pathlib import Path; import numpy as np; from toys import TEXTS\n"
        "import transformers.models.bert.modeling_bert\n"
        "from hasei.inputs.base import Base; from hasei.engine.trunk import Trunk\n"
        "from hasei.engine.activations.store import Store\n"
        "rows = [f'{t} {i}' for i in range(40) for t in TEXTS]\n"
        "children = []\n"
        "for output in sys.argv[3:]:\n"
        "    children.append(os.fork())\n"
        "    if not children[-1]:\n"
        "        trunk = Trunk(Base.open(sys.argv[1]), Store(Path(sys.argv[2])))\n"
        "        np.save(output, trunk.pooled(rows, 2, 'mean'))\n"
        "        os._exit(0)\n"
        "sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    asked = [sys.executable, "-W", "ignore", "-c", code, str(base), str(tmp_path / "shared"), *map(str, outputs)]
    subprocess.run(asked, env=environment, timeout=120, check=True)
    rows = [f"{text} {i}" for i in range(40) for text in TEXTS]
    alone = Trunk(Base.open(base), Store(tmp_path / "alone")).pooled(rows, 2, "mean")
    for output in outputs:
        np.testing.assert_array_equal(np.load(output), alone)
    assert len(list((tmp_path / "shared").glob("*/key.json"))) == 1


def test_other_rows_or_other_weights_never_share_a_file(toy_base, tmp_path):
    store = Store(tmp_path)
    for kind, texts in (("bert", TEXTS), ("bert", TEXTS[:5]), ("distilbert", TEXTS)):
        Trunk(Base.open(toy_base(kind)), store).pooled(texts, 2, "mean")
    assert len(list(tmp_path.glob("*/key.json"))) == 3


def test_the_same_rows_in_another_order_never_share_a_file(toy_base, tmp_path):
    base, store = Base.open(toy_base("bert")), Store(tmp_path)
    forward = Trunk(base, store).pooled(TEXTS, 2, "mean")
    backward = Trunk(base, store).pooled(TEXTS[::-1], 2, "mean")
    np.testing.assert_allclose(forward, backward[::-1], atol=2e-3)


def test_damaged_features_are_noticed_and_computed_again(toy_base, tmp_path):
    base = Base.open(toy_base("bert"))
    trunk = Trunk(base, Store(tmp_path))
    expected = trunk.pooled(TEXTS, 2, "mean")
    trunk._slabs["pooled"].data[:] = 3.0
    np.testing.assert_array_equal(Trunk(base, Store(tmp_path)).pooled(TEXTS, 2, "mean"), expected)


def test_a_damaged_file_is_noticed_and_its_states_not_used(toy_base, tmp_path):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path))
    assert trunk.states(TEXTS, 2) is not None
    for slab in trunk._slabs.values():
        if slab is not None:
            slab.data[:] = 3.0
    assert trunk.states(TEXTS, 2) is None


def test_a_truncated_file_is_made_anew(toy_base, tmp_path):
    base = Base.open(toy_base("bert"))
    expected = Trunk(base, Store(tmp_path)).pooled(TEXTS, 2, "mean")
    data = next(tmp_path.glob("*/data.bin"))
    data.write_bytes(data.read_bytes()[:100])
    np.testing.assert_array_equal(Trunk(base, Store(tmp_path)).pooled(TEXTS, 2, "mean"), expected)


def test_the_store_keeps_within_its_bound_by_dropping_the_oldest(toy_base, tmp_path):
    base = Base.open(toy_base("bert"))
    probe_store = Store(tmp_path / "a")
    Trunk(base, probe_store).pooled(TEXTS, 2, "mean")
    size = sum(f.stat().st_size for f in (tmp_path / "a").rglob("*") if f.is_file())
    store = Store(tmp_path / "b", max_bytes=int(1.5 * size))
    for texts in (TEXTS, TEXTS[1:], TEXTS[2:]):
        Trunk(base, store).pooled(texts, 2, "mean")
    used = sum(f.stat().st_size for f in (tmp_path / "b").rglob("*") if f.is_file())
    assert used <= 1.5 * size
    assert len(list((tmp_path / "b").glob("*/key.json"))) < 3


def test_states_past_the_bound_are_not_kept_so_that_training_recomputes(toy_base, tmp_path):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path, max_bytes=500))
    assert trunk.states(TEXTS, 2) is None


@pytest.mark.parametrize(("kind", "apart", "words"), [
    ("albert", False, "shared"), ("gemma3n", True, "not one vector per token"), ("gemma4", True, "keys and values"),
])  # fmt: skip
def test_a_model_that_can_not_be_replayed_is_run_and_says_why_once(toy_base, tmp_path, kind, apart, words):
    said = []
    watch = Watch(listener=lambda event: said.append(event.message) if event.stage == "finding" else None)
    trunk = Trunk(Base.open(toy_base(kind)), Store(tmp_path))
    assert (trunk.probe.apart, trunk.wanted) == (apart, set())
    for _ in range(2):
        assert trunk.states(TEXTS, trunk.layers - 1, watch) is None
    assert len(said) == 1 and words in said[0] and "run again for every batch" in said[0]
    assert np.isfinite(trunk.pooled(TEXTS, trunk.layers, "mean")).all()


def test_why_a_model_is_run_is_said_in_the_language_in_use(toy_base, tmp_path):
    said = []
    with speaking("ja"):
        Trunk(Base.open(toy_base("gemma4")), Store(tmp_path)).states(
            TEXTS, 2, Watch(listener=lambda event: said.append(event.message))
        )
    assert "計算し直します" in said[0] and "keys and values" not in said[0]


def test_a_parameter_used_below_the_layer_is_never_trainable_from_it(trunk):
    first = set(trunk.probe.trainable_from(0))
    top = set(trunk.probe.trainable_from(trunk.layers - 1))
    assert top < first
    lower = {n for n, _ in trunk.model.named_parameters() if f"{trunk.stack.path}.0." in n}
    assert lower and not lower & top
    assert not any("embed" in n or n.startswith("w") for n in top)


def test_a_layer_called_twice_is_refused_by_the_probe(trunk):
    class Twice(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, **batch):
            self.model(**batch)
            return self.model(**batch)

    assert "exactly once" in probe(Twice(trunk.model), trunk.stack, _batch(trunk)).refusal
