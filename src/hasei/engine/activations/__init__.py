"""The activation store: run the frozen trunk once, reuse what every layer computed in every trial, epoch and study.

::

    probe.py    does this architecture allow it? which parameter is first used where?
    replay.py   capture the input of layer k; run the whole normal model from it
    store.py    files on disk: memory-mapped, content-addressed, bounded, shared between processes
"""
