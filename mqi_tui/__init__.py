"""mqi-tui: every beam of a proton-therapy case recomputed with MOQUI by a worker of its own."""

__version__ = "0.1.0"
