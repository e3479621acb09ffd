"""The full-screen program: screens and widgets over EngineControl and its snapshots. Knows no database and no HPC."""
