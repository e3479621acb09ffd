"""Timings, as ratios within one run; nothing here is asserted in tests."""
