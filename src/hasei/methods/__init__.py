"""One file = one derivation method. The file name is its name in recipes, on the command line and in the docs."""
