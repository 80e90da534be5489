"""Kafka, from our side: how a client reaches it, what its errors mean, topics, a reader and a sender."""
