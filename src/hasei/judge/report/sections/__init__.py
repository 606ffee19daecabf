"""The sections of the page: one section = ``NAME.py`` and ``NAME.html``, found by their file names."""
