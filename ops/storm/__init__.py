"""The proof under fire: a seeded storm of faults over a pipeline at work, judged from outside."""
