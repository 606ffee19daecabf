"""Several models made one by their weights: a soup, task arithmetic, TIES, DARE or an arc; its answers cost what one's do.

Either *members*, methods with settings, each derived from the same base and rows with a seed of its own and merged with
their heads; or several bases, whose trunks are merged before a head is solved on the rows. Task arithmetic, TIES and DARE
merge what each differs from the common ancestor: the first base, or the one that the lineages of all bases declare.

Source: Wortsman et al. 2022, "Model soups"; Ilharco et al. 2023, "Editing models with task arithmetic"; Yadav et al. 2023,
"TIES-merging"; Yu et al. 2024, "Language models are super Mario" (DARE); Shoemake 1985 for SLERP.
Trains: what its members train, and the head; of several bases the head alone.
Shapes: states of m models, tensor by tensor, to one; head weight (w, h).
Relations: ``ensemble`` joins the answers of its members and pays for each of them; this joins their weights. The arithmetic
is in :mod:`hasei.engine.merging`. A step after it in a chain trains the merged model on.

>>> hasei.study("tickets.csv", methods=["partial_fine_tuning", "merging"])  # doctest: +SKIP
"""

from __future__ import annotations

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._members import check_members, effort_of, members_of
from hasei.methods._merging import DEFAULT, Merge, finished, of_bases, of_members

SUPPORTS = Supports(inputs=("text", "image"), bases=16)
_REFUSED = {
    "ensemble": "an ensemble has no weights of one model to merge",
    "merging": "a merge can't be a member of another",
}


class Params(Merge):
    """Settings. *how*: ``average`` (a soup), ``greedy`` (a soup of those that help on held rows), or how differences are merged.

    *members* are written as under ``recipes``; with several bases there are none. *weights*: one for each part, () for equal
    ones; SLERP goes as far from the first to the second as their share. *density*: the share of differences that stays, one for
    all or one for each. *divide*: how TIES divides its sums. *ancestor* ``first``: the first base, whatever lineages declare.
    *unrelated*: merge also what has no common origin. *l2*: strength of the head on merged bases, None: chosen on train rows.
    """


def proposals(facts: Facts) -> list[Params]:
    """None: it costs several trainings, and which one is worth it shows when it has been tried alone."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("it costs several trainings, and what is worth merging shows when each has been tried alone")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of all members, and again where some are chosen."""
    return effort_of(members_of(params.members, _REFUSED), facts) * (1.8 if params.how == "greedy" else 1.0)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a member can't be derived from a base of *layers* layers."""
    check_members(members_of(params.members, _REFUSED), layers)


def derive(context: Context, params: Params) -> Derivation:
    """Derive and merge; raises NotSupported where the parts do not fit together or are too few or too many for *how*."""
    SUPPORTS.refuse("merging", context.task)
    several = len(context.trunks) > 1
    if several and params.members != DEFAULT:
        raise NotSupported(
            "merging takes members or several bases", received="both", do="leave members out, or give one base"
        )
    if several:
        done, changes = of_bases(context, params)
    else:
        members = members_of(params.members, _REFUSED)
        for name, plugin, _settings in members:
            plugin.SUPPORTS.refuse(name, context.task)
        done, changes = of_members(context, members, params)
    return finished(context, done, params.model_copy(update=changes))
