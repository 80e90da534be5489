"""Certificates and passwords of both stacks: how they are made, renewed and told to end."""
