"""The wire format of a sensor batch, its codec, the sensor catalogue and the reasons for rejection."""
