"""The methods: Keras models with a `train_step`, one a file."""
