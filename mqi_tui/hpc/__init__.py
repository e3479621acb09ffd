"""Where simulations run: a transport (how files and commands get there) x a scheduler (who runs the job)."""
