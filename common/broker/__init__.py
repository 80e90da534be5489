"""Our side of Kafka: connecting, the meaning of its errors, topics, a reader and a sender."""
