"""What the program talks about: cases, beams, statuses, transitions, slots, errors. Imports nothing of ours."""
