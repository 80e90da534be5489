"""Kafka, from our side: the options of every client, topics, and a reader."""
