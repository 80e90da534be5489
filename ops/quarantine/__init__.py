"""Resends quarantine entries through the topic, with the same cleaning as everything else."""
