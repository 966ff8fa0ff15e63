"""``python -m gausscheck``."""

from gausscheck.cli import main

main(prog_name="gausscheck")
