"""One file = one folder format that a derived model can have on disk.

A format file holds ``save(predictor, folder, base)`` and ``load(folder, open_base)``. ``save`` writes a standard layout
into an existing empty folder; ``load`` returns a :class:`~hasei.engine.derivation.Predictor`; *base* is a
:class:`~hasei.inputs.base.Base` or None, and *open_base* a function without arguments that opens the parent base when
the format needs it. ``LIBRARY`` names the standard library that reproduces the outputs from that folder without hasei.
Optional: ``label(folder, names)`` writes the names of the outputs where that library looks for them.
"""
