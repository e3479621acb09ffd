"""The engine: case scanning, one worker per beam, the states of a beam's way, GPU allocation. Knows no screen."""
