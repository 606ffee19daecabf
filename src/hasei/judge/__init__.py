"""Whether a derived model is worth it: scores with intervals, the count of openings, the study, the decision.

::

    evaluation.py   predictions -> scores and paired gains, each with an honest interval
    ledger.py       what was committed to before the confirm rows were opened, and how often they were opened
    decision.py     evidence -> adopt | do not adopt | not enough data | rethink
    retold.py       a report's own sentences in another language, from the kept answers
    reasons.py      why, in plain words
    wording.py      how figures and names are said
    report/         the verdict as one page for people
"""
