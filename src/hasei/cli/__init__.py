"""The command line. Imports anything, but nothing heavy before a command needs it; is imported by nothing.

::

    app.py        the commands, and every way in which one can end
    options.py    the options that several commands share
    asked.py      flags and hasei.yaml become one checked configuration
    progress.py   what long work says on stderr, and Ctrl-C
    terminal.py   what is printed, made safe to print
    check.py  try_.py  predict.py  derive.py  evaluate.py  compare.py  report.py  verify.py  show.py
                  one door each (show.py: base, methods, tasks)
    table.py  verdict.py
                  a study's result at any width

Data goes to stdout, everything else to stderr. Exit codes: 0 done; 1 failed; 2 the request or its input must change;
3 with ``--gate``, the verdict is not to adopt; 4 with ``check --gate``, an error was found in the data; 130 stopped by Ctrl-C.
"""

from hasei.cli.app import main

__all__ = ["main"]
