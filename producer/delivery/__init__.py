"""From a batch to the topic: raw archive, outbox, publisher."""
