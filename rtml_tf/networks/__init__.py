"""Embedding networks: functions that return a `tf.keras.Model`."""
