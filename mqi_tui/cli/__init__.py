"""The `mqi-tui` command."""

from mqi_tui.cli.main import main

__all__ = ["main"]
