"""The monitor: whether data flows, what is missing, and the values of every patient, as a web page."""
