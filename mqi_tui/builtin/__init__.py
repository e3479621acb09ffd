"""Stand-ins for a site's own interpreter and dose engine, and synthetic cases; programs of their own, none clinical."""

import os

# They multiply no matrices, and the threads that numpy makes for that are half of what a start costs; one is made for
# each processor, in each of the programs that run side by side.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
