"""`python -m neuropil`: the command line."""

from neuropil.cli import main

main()
