"""A made-up report with every field of the JSON contract, and one in which every text of a user attacks the page."""

from __future__ import annotations

from typing import Any

from made_up import candidate, report

ATTACK = (
    "</script><script>window.__xss=1</script><img src=x onerror=\"window.__xss=2\"><svg onload='window.__xss=3'>"
    "{{7*7}}${7*7}javascript:alert(1)\u2028\u2029--><!--]]>&lt;b&gt;`'\""
)
"""What a label, a text, a name of a file or of a column may be made of by somebody who means harm."""

LABELS = ["経理", "payroll", "網路 & VPN", "returns", "その他", "shipping", "暗証番号の再発行", "warranty"]


def full_report(**changes: Any) -> dict[str, Any]:
    """Return a report in which every section has something to show, with *changes* of its first level."""
    return report(**(_figures() | _money() | _texts() | changes))


def attacked_report() -> dict[str, Any]:
    """Return the full report with an attack in every text that a file, a column, a row or another program may bring."""
    found = _replaced(full_report(), keep=_IDENTIFIERS)
    found["candidates"].append(candidate(f"{ATTACK} ({ATTACK})", "derived", 0.9, curve=_CURVE))
    return found


_IDENTIFIERS = {
    "verdict", "cause", "metric", "task", "status", "role", "method", "kind", "severity", "scheme", "currency",
    "rows_needed_role", "language", "chosen", "reference", "candidate",
}  # fmt: skip
"""Fields whose values hasei itself writes, and names by which parts of the report find each other."""


def _replaced(value: Any, keep: set[str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            k: _replaced(v, keep, k) if k not in keep or isinstance(v, (dict, list)) else v for k, v in value.items()
        }
    if isinstance(value, list):
        return [_replaced(v, keep, key) for v in value]
    return f"{ATTACK}{value}" if isinstance(value, str) and key not in keep and key != "name" else value


_CURVE = [
    {"epoch": 1, "loss": 1.9, "held_loss": 1.6}, {"epoch": 2, "loss": 0.9, "held_loss": 0.95},
    {"epoch": 3, "loss": 0.5, "held_loss": 0.82}, {"epoch": 4, "loss": 0.31, "held_loss": 0.84},
]  # fmt: skip


def _figures() -> dict[str, Any]:
    tuned = candidate(
        "partial_fine_tuning (top_layers 3)", "derived", 0.944, curve=_CURVE,
        cost={"currency": "JPY", "training": 0.64, "per_1000": 0.0041},
    )  # fmt: skip
    others = [c | {"cost": (c["cost"] or {"per_1000": 1e-7, "training": 1e-6}) | {"currency": "JPY"}} if c["cost"] else c
              for c in report()["candidates"] if c["name"] != tuned["name"]]  # fmt: skip
    for place, other in enumerate(c for c in others if c["cost"]):
        other["cost"]["per_1000"] = 0.0002 * 2**place
    counts = [[(40 + 3 * i if i == j else (i * 7 + j * 3) % 5) for j in range(len(LABELS))] for i in range(len(LABELS))]
    return {
        "candidates": [*others, tuned],
        "kept": {"column": "kept rows", "value": "all", "rows": 400, "units": 400, "winner": 0.91, "reference": 0.92,
                 "gain": {"value": -0.01, "low": -0.03, "high": 0.01}, "harmed": False},
        "learning_curve": {
            "candidate": "feature_extraction",
            "points": [{"rows": r, "score": s, "low": s - 0.012, "high": s + 0.011}
                       for r, s in ((1000, 0.861), (2000, 0.893), (4001, 0.914), (8002, 0.931))],
            "forecasts": [{"times": 2, "rows": 16004, "value": 0.942, "low": 0.932, "high": 0.951},
                          {"times": 4, "rows": 32008, "value": 0.949, "low": 0.934, "high": 0.962}],
        },
        "slices": [
            {"column": "支店", "value": name, "rows": rows, "units": rows - 3, "winner": w, "reference": w - gain,
             "gain": {"value": gain, "low": gain - 0.04, "high": gain + 0.04}, "harmed": gain < -0.05}
            for name, rows, w, gain in (("札幌", 171, 0.80, -0.12), ("東京", 1450, 0.95, 0.041), ("大阪", 820, 0.94, 0.036),
                                        ("福岡", 410, 0.95, 0.028), ("Other <b>branches</b>", 229, 0.93, 0.012))
        ],
        "automation": {
            "method": "temperature", "wish": 0.97, "threshold": 0.743,
            "coverage": {"value": 0.82, "low": 0.79, "high": 0.85}, "accuracy": {"value": 0.972, "low": 0.963, "high": 0.979},
            "curve": [{"threshold": t, "coverage": c, "accuracy": a, "low": a - 0.009, "high": a + 0.008}
                      for t, c, a in ((0.0, 1.0, 0.941), (0.5, 0.95, 0.955), (0.743, 0.82, 0.972), (0.9, 0.61, 0.985),
                                      (0.97, 0.37, 0.994))],
            "calibration_error": {"before": 0.061, "after": 0.012},
            "words": "82 % of the messages can be answered at 97 % accuracy, the other 18 % go to a person.", "money": None,
        },
        "out_of_scope": {
            "label": "その他", "threshold": -1.25, "learnt": True, "rows_out": 120, "rows_in": 2960,
            "auroc": {"value": 0.957, "low": 0.948, "high": 0.965, "too_few": False},
            "caught": {"value": 0.71, "low": 0.62, "high": 0.79, "too_few": False},
            "turned_away": {"value": 0.012, "low": 0.009, "high": 0.017, "too_few": False},
            "in_scope": {"value": 0.953, "low": 0.945, "high": 0.96, "too_few": False},
            "overall": {"value": 0.941, "low": 0.932, "high": 0.949, "too_few": False},
            "curve": [{"threshold": t, "turned_away": away, "caught": caught}
                      for t, away, caught in ((1.0, 0.001, 0.4), (-1.0, 0.01, 0.69), (-3.0, 0.05, 0.85), (-6.0, 0.2, 0.97))],
            "words": "A text out of scope is told from another with an AUROC of 0.957.",
        },
        "confusion": {"labels": LABELS, "counts": counts},
        "confused": [{"truth": "その他", "answer": "returns", "count": 14, "of": 120},
                     {"truth": "payroll", "answer": "経理", "count": 9, "of": 88}],
        "diagnosis": [{"candidate": tuned["name"], "kind": "converged",
                       "words": "The loss on held rows stopped falling after the third time through the rows."},
                      {"candidate": "lora (first_layer 3)", "kind": "underfitting",
                       "words": "Even the rows that it learnt from are answered wrongly in 14 % of cases."}],
        "seeds": [{"candidate": tuned["name"], "seeds": [0, 1, 2], "scores": [0.944, 0.941, 0.946], "mean": 0.9437,
                   "sd": 0.0025}],
    }  # fmt: skip


def _money() -> dict[str, Any]:
    return {
        "saving_per_month": {"currency": "JPY", "value": 310_000.0, "low": 190_000.0, "high": 420_000.0},
        "money": {
            "words": "It saves about 310,000 JPY a month against today (95 % interval 190,000 to 420,000).",
            "currency": "JPY", "against": "today's process, accuracy 81 %",
            "per_month": {"value": 310_000.0, "low": 190_000.0, "high": 420_000.0}, "setup": 880_000.0, "training": 400_000.0,
            "labour": 480_000.0, "inference_per_month": 0.41, "upkeep_per_month": 16_000.0,
            "months_to_break_even": {"value": 2.8, "low": 2.1, "high": 4.6}, "horizon_months": 12,
            "return": {"value": 2_840_000.0, "low": 1_400_000.0, "high": 4_160_000.0},
        },
        "energy": {"kwh": 0.0081, "co2_kg": 0.0037, "estimated": True, "how": "45 W for the processor, 0.46 kg of CO2 a kWh"},
        "licence": {"base": "Apache-2.0", "data": "CC-BY-4.0", "model": "Apache-2.0 AND CC-BY-4.0", "kind": "attribution",
                    "words": "The model may be passed on if the makers of the rows are named.", "conflict": False},
    }  # fmt: skip


def _texts() -> dict[str, Any]:
    gained = [{"text": "給与明細の見方が分かりません。控除の欄を教えてください。", "truth": "payroll", "winner": "payroll",
               "other": "経理", "file": "問い合わせ.csv", "line": 41},
              {"text": "Where is my parcel? It was due on Monday. " * 9, "truth": "shipping", "winner": "shipping",
               "other": "returns", "file": "問い合わせ.csv", "line": 1207}]  # fmt: skip
    data = report()["data"]
    data["findings"] += [
        {"kind": "leak", "variant": "near", "severity": "error", "file": "問い合わせ.csv", "count": 12,
         "rows": [12, 88, 140, 141, 390, 501, 502], "message": "12 confirm rows are near copies of train rows",
         "do": "keep copies in one role: --group", "evidence": {"similarity": 0.93, "pairs": [[12, 4010], [88, 4011]]}},
        {"kind": "personal_data", "variant": "e-mail", "severity": "warning", "file": "問い合わせ.csv", "count": 31,
         "rows": [5, 9], "message": "31 rows hold e-mail addresses", "do": "hasei check --redact", "evidence": {}},
    ]  # fmt: skip
    lost = [gained[0] | {"winner": "経理", "other": "payroll", "line": 77}]
    return {
        "examples": {"gained": gained, "lost": lost, "gained_count": 512, "lost_count": 96, "other": "as_it_is"}, "data": data,
    }  # fmt: skip
