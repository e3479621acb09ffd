"""The formats of MOQUI and of what feeds it: beam folders, logs, plans, CSVs, moqui_tps.in, run log, raw dose."""
