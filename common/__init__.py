"""What every part shares: settings, errors, logging, atomic files. Imports nothing else of ours."""
