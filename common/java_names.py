"""How a JVM reads the names of files: by the locale, and the plain C locale has no accents."""

UTF8_NAMES = {"LC_ALL": "C.UTF-8"}
"""For the environment of every process that is a JVM or starts one, whatever the user's locale."""
