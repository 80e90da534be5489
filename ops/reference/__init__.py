"""Reference pages of the docs, generated from the code: settings, commands and metrics."""
