"""Shared by every part: settings, errors, logging, atomic files. Imports no other package of ours."""
