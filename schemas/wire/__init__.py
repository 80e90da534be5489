"""The wire format: schema versions, the codec, and decoding of many messages at once."""
