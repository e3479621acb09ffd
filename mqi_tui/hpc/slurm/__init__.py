"""The scheduler Slurm: submission once, one status call for all jobs, the settling of what left the queue."""
