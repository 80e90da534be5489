"""Statements of the consumer's transactions."""
